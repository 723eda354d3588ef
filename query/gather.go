package query

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"sical-backend/events"
	"sical-backend/projections"
)

const (
	gatheredAtOnce = 2   // groups of a kind that are read at a time, once the first is late
	gatheredMost   = 200 // keys from which a group takes no more
	gatherLate     = 20 * time.Millisecond
	gatherLimit    = 10 * time.Second
)

// errUnread is what a group has whose reading panicked.
var errUnread = errors.New("query: what was asked has not been read")

// gatherer reads by keys for all who ask at the same time. While one read is under
// way the next ones gather, and then share queries and a snapshot: a busy system
// reads in large groups, and a lone question never waits for company. Where a read is
// late, the next one does not wait for it: what holds it up may be its connection's
// alone. What is read is shared by the group: who asks picks out their own, and may not
// change it.
type gatherer[K, T any] struct {
	read func(ctx context.Context, keys []K) (T, error)

	mu      sync.Mutex
	running []*time.Time // when each read under way began, the earliest first
	waiting []*gathered[K, T]
}

// gathered is a group of questions.
type gathered[K, T any] struct {
	keys  []K
	asked int           // questions in it
	late  *time.Timer   // for when the read before it takes too long
	done  chan struct{} // closed when it has been read
	found T
	err   error
}

// ask reads the keys, and perhaps others with them, in a read that begins after
// the call. Where a shared one fails, it reads them alone: what was wrong may be
// another's. It does so, too, where the read panicked: it is the asker who meets that.
func (g *gatherer[K, T]) ask(ctx context.Context, keys []K) (T, error) {
	mine := g.join(ctx, keys)
	select {
	case <-mine.done:
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
	if mine.err != nil && (mine.asked > 1 || errors.Is(mine.err, errUnread)) {
		return g.read(ctx, keys)
	}
	return mine.found, mine.err
}

// join puts the keys into the group that gathers, and reads it where it need not wait:
// in the asker's own goroutine, as another takes a lone read a fifth longer. So who asks
// first stays until the group is read, gatherLimit at most, though their ctx has ended.
func (g *gatherer[K, T]) join(ctx context.Context, keys []K) *gathered[K, T] {
	g.mu.Lock()
	last := len(g.waiting) - 1
	if last < 0 || len(g.waiting[last].keys)+len(keys) > gatheredMost {
		g.waiting = append(g.waiting, &gathered[K, T]{done: make(chan struct{})})
		last++
	}
	mine := g.waiting[last]
	mine.keys = append(mine.keys, keys...)
	mine.asked++
	began := g.begin()
	if waits := began == nil || len(g.waiting) > 1; waits && mine.late == nil {
		mine.late = time.AfterFunc(gatherLate, g.hurry)
	}
	g.mu.Unlock()
	if began != nil {
		g.run(context.WithoutCancel(ctx), began)
	}
	return mine
}

// hurry has a group read that has waited for long, or looks again later: the read before
// it may not be the one that it began to wait for.
func (g *gatherer[K, T]) hurry() {
	g.mu.Lock()
	began := g.begin()
	if began == nil && len(g.waiting) > 0 && g.waiting[0].late != nil {
		g.waiting[0].late.Reset(gatherLate)
	}
	g.mu.Unlock()
	if began != nil {
		g.run(context.Background(), began)
	}
}

// begin tells when one more group began to be read, nil where none is to be. The lock is
// held.
func (g *gatherer[K, T]) begin() (began *time.Time) {
	now := time.Now()
	late := len(g.running) == 0 || len(g.running) < gatheredAtOnce && now.Sub(*g.running[0]) >= gatherLate
	if len(g.waiting) == 0 || !late {
		return nil
	}
	g.running = append(g.running, &now)
	return &now
}

// take is the group that has waited longest, nil for none.
func (g *gatherer[K, T]) take() *gathered[K, T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		return nil
	}
	group := g.waiting[0]
	g.waiting = g.waiting[1:]
	if group.late != nil {
		group.late.Stop()
	}
	if len(g.waiting) > 0 && g.waiting[0].late != nil {
		g.waiting[0].late.Reset(gatherLate) // it may have ended while this one was before it
	}
	return group
}

// run reads a group to its end, whoever has left meanwhile, and has the next one
// read by another goroutine: who asked first has their answer. First it gives way
// to who may be about to ask; with nobody there that takes no time.
func (g *gatherer[K, T]) run(ctx context.Context, began *time.Time) {
	runtime.Gosched()
	group := g.take()
	defer func() {
		_ = recover() // group.err tells, and nobody is above this to mend it
		g.mu.Lock()
		g.running = slices.DeleteFunc(g.running, func(t *time.Time) bool { return t == began })
		next := g.begin()
		g.mu.Unlock()
		if group != nil {
			close(group.done)
		}
		if next != nil {
			go g.run(context.Background(), next) // nothing of this one's: a busy system is busy for long
		}
	}()
	if group == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, gatherLimit)
	defer cancel()
	group.err = errUnread
	group.found, group.err = g.read(ctx, group.keys)
}

// taken is what a group found, and how far the views were.
type taken[T any] struct {
	found       T
	checkpoints []projections.Checkpoint
}

// wish is a thing that a viewer asks to see.
type wish struct {
	viewer Viewer
	id     events.ID
}

func wishes(v Viewer, ids []events.ID) []wish {
	list := make([]wish, len(ids))
	for i, id := range ids {
		list[i] = wish{v, id}
	}
	return list
}

// gatherSnapshot gathers what find reads in a snapshot of the views, which it ends.
func gatherSnapshot[K, T any](a *Asker, views []*projections.View, find func(context.Context, *snapshot, []K) (T, error)) *gatherer[K, taken[T]] {
	return &gatherer[K, taken[T]]{read: func(ctx context.Context, keys []K) (t taken[T], err error) {
		t.checkpoints, err = a.read(ctx, views, func(s *snapshot) (err error) {
			t.found, err = find(ctx, s, keys)
			return err
		})
		return t, err
	}}
}

// gatherMoment gathers what find reads in one moment of the views.
func gatherMoment[K, T any](a *Asker, views []*projections.View,
	find func(context.Context, map[string]projections.Build, []K) (taken[T], error),
) *gatherer[K, taken[T]] {
	return &gatherer[K, taken[T]]{read: func(ctx context.Context, keys []K) (t taken[T], err error) {
		err = a.assuming(ctx, views, func(builds map[string]projections.Build) (again bool, err error) {
			t, err = find(ctx, builds, keys)
			return outdated(err), err
		})
		return t, err
	}}
}
