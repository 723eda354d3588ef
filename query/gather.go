package query

import (
	"context"
	"sync"
	"time"

	"sical-backend/events"
)

const (
	gatheredAtOnce = 2   // groups of a view that are read at a time
	gatheredMost   = 200 // ids from which a group takes no more
	gatherLimit    = 10 * time.Second
)

// gatherer reads rows by id for all who ask at the same time. While one read is
// under way the next ones gather, and then share a query and a snapshot: a busy
// system reads in large groups, and a lone question never waits for company.
type gatherer[T any] struct {
	read func(ctx context.Context, ids []events.ID) (T, error)

	mu      sync.Mutex
	running int
	waiting []*gathered[T]
}

// gathered is a group of questions.
type gathered[T any] struct {
	ids   []events.ID
	asked int           // questions in it
	done  chan struct{} // closed when it has been read
	found T
	err   error
}

// ask reads the ids, and perhaps others with them, in a read that begins after
// the call. Where a shared one fails, it reads them alone: what was wrong may be
// another's.
func (g *gatherer[T]) ask(ctx context.Context, ids []events.ID) (T, error) {
	mine := g.join(ctx, ids)
	select {
	case <-mine.done:
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
	if mine.err != nil && mine.asked > 1 {
		return g.read(ctx, ids)
	}
	return mine.found, mine.err
}

// join puts the ids into the group that gathers, and begins to read it where
// nothing is under way.
func (g *gatherer[T]) join(ctx context.Context, ids []events.ID) *gathered[T] {
	g.mu.Lock()
	last := len(g.waiting) - 1
	if last < 0 || len(g.waiting[last].ids)+len(ids) > gatheredMost {
		g.waiting = append(g.waiting, &gathered[T]{done: make(chan struct{})})
		last++
	}
	mine := g.waiting[last]
	mine.ids = append(mine.ids, ids...)
	mine.asked++
	if g.running >= gatheredAtOnce {
		g.mu.Unlock()
		return mine
	}
	g.running++
	next := g.take()
	g.mu.Unlock()
	g.run(ctx, next)
	return mine
}

// take is the group that has waited longest, nil for none. The lock is held.
func (g *gatherer[T]) take() *gathered[T] {
	if len(g.waiting) == 0 {
		g.running--
		return nil
	}
	next := g.waiting[0]
	g.waiting = g.waiting[1:]
	return next
}

// run reads a group to its end, whoever has left meanwhile, and has the next one
// read by another goroutine: who asked first has their answer.
func (g *gatherer[T]) run(ctx context.Context, group *gathered[T]) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gatherLimit)
	defer cancel()
	defer func() {
		close(group.done)
		g.mu.Lock()
		next := g.take()
		g.mu.Unlock()
		if next != nil {
			go g.run(ctx, next)
		}
	}()
	group.found, group.err = g.read(ctx, group.ids)
}
