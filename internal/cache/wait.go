package cache

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sical-backend/internal/wire"
)

// ErrTooManyWaiters is returned where as many requests wait already as may.
var ErrTooManyWaiters = errors.New("cache: too many requests wait for a view")

// ErrPositionUnknown is returned for a position beyond the log's end, which only the
// server that is appended to can tell: where a standby is read, it is waited for.
var ErrPositionUnknown = errors.New("cache: position is beyond the log")

// StoppedError says that a view will not come further by waiting.
type StoppedError struct {
	View  string
	State wire.ViewState // wire.ViewPaused or wire.ViewFailed
}

func (e *StoppedError) Error() string { return fmt.Sprintf("cache: view %s is %s", e.View, e.State) }

// Paused tells that somebody has it stand still; else it has failed.
func (e *StoppedError) Paused() bool { return e.State == wire.ViewPaused }

// Wait returns nil as soon as every view has applied the position: from then on what memory has is
// known to have it or not. The server that is read may lack it yet, as Shows tells. It returns
// ErrPositionUnknown, ErrTooManyWaiters, a *StoppedError at once where a view is paused or failed
// before the position, context.DeadlineExceeded where the patience ends before that, or the error
// of ctx.
func (p *Positions) Wait(ctx context.Context, views []string, position uint64, patience time.Duration) error {
	lacks := func(name string) bool { return p.view(name).applied.Load() < position }
	if !slices.ContainsFunc(views, lacks) {
		return nil
	}
	return p.counted(func() error {
		ends := time.Now().Add(patience)
		if err := p.awaitHead(ctx, position, ends); err != nil {
			return err
		}
		for _, name := range views {
			if err := p.wait(ctx, p.view(name), position, ends); err != nil {
				return err
			}
		}
		return nil
	})
}

// Shows tells whether the server that is read has the position in every view, as far as is known: the
// views have applied it and, where the server was found to lag, a look has shown it there.
func (p *Positions) Shows(views []string, position uint64) bool {
	return !slices.ContainsFunc(views, func(name string) bool { return !p.view(name).has(position) })
}

// WaitAgain is for who has waited, and would read less, as Shows tells, or has read less: the server
// lags more than was known, or there are several behind one address, and another was looked at. It
// returns nil as soon as a look that begins when the pause is over, or later, shows every view to
// have the position; ErrTooManyWaiters, context.DeadlineExceeded and the error of ctx as Wait does.
// Who is known to read less and lets no pause pass is served by a look that is under way, too.
func (p *Positions) WaitAgain(ctx context.Context, views []string, position uint64, pause, patience time.Duration) error {
	return p.counted(func() error {
		now, from := time.Now(), time.Time{}
		if pause > 0 || p.Shows(views, position) {
			from = now.Add(pause)
		}
		return p.watch(ctx, views, position, from, now.Add(patience))
	})
}

// counted has somebody wait, unless as many do as may.
func (p *Positions) counted(wait func() error) error {
	if p.waiting.Add(1) > p.cfg.MaxWaiters {
		p.waiting.Add(-1)
		return ErrTooManyWaiters
	}
	defer p.waiting.Add(-1)
	return wait()
}

// Waiting is how many requests wait for a view, for the server that is read to show it, or to
// know whether there is what they wait for.
func (p *Positions) Waiting() int64 { return p.waiting.Load() }

// wait waits until the view has applied the position.
func (p *Positions) wait(ctx context.Context, v *view, position uint64, ends time.Time) error {
	if v.applied.Load() >= position {
		return nil
	}
	w := newWaiter(position, ends)
	v.mu.Lock()
	switch {
	case v.applied.Load() >= position:
		v.mu.Unlock()
		return nil
	case v.state != wire.ViewLive:
		defer v.mu.Unlock()
		return &StoppedError{v.Name, v.state}
	}
	heap.Push(&v.waiters, w)
	v.mu.Unlock()
	err := p.ended(ctx, w)
	if err != nil {
		v.leave(w)
	}
	return err
}

// ended is how a wait has ended: as it was answered, by its patience, or with ctx.
func (p *Positions) ended(ctx context.Context, w *waiter) error {
	p.deadlines.add(w)
	defer p.deadlines.remove(w)
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
