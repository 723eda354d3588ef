package cache

import (
	"context"
	"slices"
	"sync"
	"time"

	"sical-backend/projections"
)

// A notice tells how far a view is before a server that follows another has it. Who needs what
// such a server lacks waits for a look at it: one that Positions.Run takes for all of them, as
// it does anyway, but more often.

// pace is how long after a look the next one is, while somebody waits for what it shows. A
// server that is a few milliseconds behind should hold nobody up for long.
const pace = 25 * time.Millisecond

// everything is how far a server is known to show a view that was not found to lag.
const everything = ^uint64(0)

// has tells whether a snapshot has the position as far as is known: the view has applied it, and the
// server that is read, where it was found to lag, has shown it.
func (v *view) has(position uint64) bool {
	return v.applied.Load() >= position && v.shown.Load() >= position
}

// glance is a look for those who wait for it, and tells how long there is to be none afterwards,
// whoever comes: notices are heard in between for at least as long as it has taken.
func (p *Positions) glance(ctx context.Context) (rest time.Duration) {
	began := time.Now()
	p.poll(ctx, p.suspect.Load())
	return max(pace, time.Since(began))
}

// show takes in how far the server that is read shows the views, as it was found by a look that
// began at the instant asked, and wakes who waits for that.
func (p *Positions) show(read map[string][]checkpoint, asked time.Time) {
	for name, found := range read {
		v, at := p.byName[name], projections.Checkpoint{Build: found[0].of()}
		for _, c := range found {
			at.Shards = append(at.Shards, c.Position)
		}
		if v.baseline().fell(at) {
			v.shown.Store(at.Position())
		} else {
			v.shown.Store(everything)
		}
	}
	p.watchers.wake(asked)
}

// watch waits until a look that began at the instant from, or later, has shown that the views have
// the position.
func (p *Positions) watch(ctx context.Context, views []string, position uint64, from, ends time.Time) error {
	if !time.Now().Before(ends) { // nobody would wait for a look
		return context.DeadlineExceeded
	}
	w := &watcher{waiter: newWaiter(position, ends), from: from}
	for _, name := range views {
		w.views = append(w.views, p.view(name))
	}
	p.watchers.add(w)
	defer p.watchers.remove(w)
	return p.ended(ctx, w.waiter)
}

// watchers are all who wait for a look.
type watchers struct {
	mu    sync.Mutex
	all   map[*watcher]bool
	first chan struct{} // told, once and without waiting, that there is one where there was none
}

// watcher waits for one position of some views.
type watcher struct {
	*waiter
	views []*view
	from  time.Time
}

func newWatchers() watchers {
	return watchers{all: map[*watcher]bool{}, first: make(chan struct{}, 1)}
}

func (w *watchers) add(one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all[one] = true; len(w.all) > 1 {
		return // looks are taken already
	}
	select {
	case w.first <- struct{}{}:
	default:
	}
}

func (w *watchers) remove(one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, one)
}

// wake ends the waits of those for whom a look that began at the instant asked has shown enough.
func (w *watchers) wake(asked time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.all {
		lacks := func(v *view) bool { return !v.has(one.position) }
		if !one.from.After(asked) && !slices.ContainsFunc(one.views, lacks) {
			delete(w.all, one)
			one.end(nil)
		}
	}
}

// some tells whether anybody waits.
func (w *watchers) some() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all) > 0
}
