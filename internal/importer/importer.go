// Package importer carries long sequences of commands out, through the same
// deciders and the same appends as the API: in groups, several at once, each
// command behind those it follows on.
package importer

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"iter"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/dispatch"
)

const (
	group = 500 // commands dispatched together: the log's own batch
	lanes = 4   // groups under way at once; decisions overlap with commits
)

// Item is one command of an import.
type Item struct {
	Request *dispatch.Request
	// Err is why there is no Request: it is refused for that.
	Err error
	// Lane says which items keep their order among each other: those with the
	// same one.
	Lane events.ID
	// Refused is told why the command was refused. It may be called from
	// several goroutines.
	Refused func(error)
}

// Counts is what became of a sequence of commands so far.
type Counts struct {
	Done    atomic.Int64 // carried out now
	Known   atomic.Int64 // done by an earlier import
	Refused atomic.Int64
}

// All is how many commands were settled.
func (c *Counts) All() int64 { return c.Done.Load() + c.Known.Load() + c.Refused.Load() }

// Run carries the items out and returns when all are settled. A refusal is
// counted and told, and fails nothing else; so is a command that needs a damaged
// event. The error of the sequence, of ctx, or of a log that cannot be reached, or
// was written by a newer program, ends it. Running it again does what is missing.
func Run(ctx context.Context, d *dispatch.Dispatcher, items iter.Seq2[Item, error], counts *Counts) error {
	workers, ctx := errgroup.WithContext(ctx)
	var queues [lanes]chan []Item
	for i := range queues {
		queues[i] = make(chan []Item, 1)
		workers.Go(func() error {
			for list := range queues[i] {
				if err := carryOut(ctx, d, list, counts); err != nil {
					return err
				}
			}
			return nil
		})
	}
	workers.Go(func() error {
		defer func() {
			for _, q := range queues {
				close(q)
			}
		}()
		return deal(ctx, items, &queues, counts)
	})
	return workers.Wait()
}

// deal hands the items to their lanes, in groups.
func deal(ctx context.Context, items iter.Seq2[Item, error], queues *[lanes]chan []Item, counts *Counts) error {
	seed := maphash.MakeSeed()
	var open [lanes][]Item
	send := func(n uint64) error {
		if len(open[n]) == 0 {
			return nil
		}
		select {
		case queues[n] <- open[n]:
			open[n] = nil
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for item, err := range items {
		if err != nil {
			return err
		}
		if item.Request == nil {
			counts.Refused.Add(1)
			item.Refused(item.Err)
			continue
		}
		n := maphash.Bytes(seed, item.Lane[:]) % lanes
		if open[n] = append(open[n], item); len(open[n]) == group {
			if err := send(n); err != nil {
				return err
			}
		}
	}
	for n := range queues {
		if err := send(uint64(n)); err != nil {
			return err
		}
	}
	return nil
}

// carryOut dispatches one group. What of it was done is counted also where the rest ends the
// import.
func carryOut(ctx context.Context, d *dispatch.Dispatcher, list []Item, counts *Counts) (ended error) {
	requests := make([]*dispatch.Request, len(list))
	for i, item := range list {
		requests[i] = item.Request
	}
	for i, v := range d.All(ctx, requests) {
		switch {
		case v.Err != nil && !refusal(v.Err):
			ended = cmp.Or(ended, v.Err)
		case v.Err != nil:
			counts.Refused.Add(1)
			list[i].Refused(v.Err)
		case v.Replayed:
			counts.Known.Add(1)
		default:
			counts.Done.Add(1)
		}
	}
	return ended
}

// refusal tells a command that may not be done from a log that cannot be asked. One that needs a
// damaged event never can be done, and keeps nobody else from going on; but one that needs a newer
// program's is to be carried out by such a program, and an older one ends.
func refusal(err error) bool {
	_, refused := errors.AsType[*command.Refusal](err)
	return refused || dispatch.Damaged(err) || errors.Is(err, dispatch.ErrKeyReused) || errors.Is(err, dispatch.ErrVersion)
}
