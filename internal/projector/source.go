package projector

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/wire"
)

// read reads the log and checks that it has no gap.
func read(ctx context.Context, log Log, after uint64, limit int) ([]*events.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := log.Read(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if want := after + 1 + uint64(i); found[i].Position != want {
			return nil, fmt.Errorf("projector: the log has no event %d, but %d", want, found[i].Position)
		}
	}
	return pointers(found), nil
}

func pointers(list []events.Event) []*events.Event {
	all := make([]*events.Event, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	return all
}

// busFeed is the log as it comes over the bus, and sooner what this process
// appends itself. Where that is everything the bus is left alone.
type busFeed struct {
	reader *bus.Reader
	log    Log
	own    *Handover // nil for none
}

// NewFeed returns the feed of the stream that the reader reads, ahead of which goes
// what is handed over; nil for nothing. The log fills what others append between.
func NewFeed(reader *bus.Reader, log Log, own *Handover) Feed { return busFeed{reader, log, own} }

func (f busFeed) Read(ctx context.Context, incarnation events.ID, from uint64, add Intake) error {
	if f.own == nil {
		return f.bus(ctx, incarnation, from, add)
	}
	ctx, cancel := context.WithCancel(ctx)
	var handing sync.WaitGroup
	handing.Go(func() { f.own.run(ctx, f.log, add) })
	defer handing.Wait()
	defer cancel()
	for {
		if err := f.own.await(ctx, false); err != nil {
			return err
		}
		err := f.partly(ctx, incarnation, add)
		if ctx.Err() != nil || !errors.Is(err, context.Canceled) {
			return err
		}
	}
}

// partly reads the bus until everything is handed over.
func (f busFeed) partly(ctx context.Context, incarnation events.ID, add Intake) error {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		_ = f.own.await(ctx, true) // fails where the reading ended by itself
		cancel()
	})
	defer watching.Wait()
	defer cancel()
	return f.bus(ctx, incarnation, add(nil)+1, add)
}

func (f busFeed) bus(ctx context.Context, incarnation events.ID, from uint64, add Intake) error {
	own := incarnation.String()
	return f.reader.Read(ctx, from, batchSize, func(b bus.Batch) error {
		list, last := make([]*events.Event, 0, len(b.Messages)), add(nil)
		for _, m := range b.Messages {
			if m.Seq <= last || m.Header.Get(wire.Incarnation) != own {
				continue // an old stream over a restored log: what is missed so, the log has
			}
			e, err := wire.Decode(m)
			if err != nil {
				return err
			}
			e.RawMeta = nil
			list = append(list, &e)
		}
		add(list)
		return nil
	})
}
