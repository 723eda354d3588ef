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

// Wait returns nil as soon as every view has applied the position. It returns
// ErrPositionUnknown, ErrTooManyWaiters, a *StoppedError at once where a view is
// paused or failed before the position, context.DeadlineExceeded where the
// patience ends before that, or the error of ctx.
func (p *Positions) Wait(ctx context.Context, views []string, position uint64, patience time.Duration) error {
	behind := func(name string) bool { return p.view(name).applied.Load() < position }
	if !slices.ContainsFunc(views, behind) {
		return nil
	}
	if p.waiting.Add(1) > p.cfg.MaxWaiters {
		p.waiting.Add(-1)
		return ErrTooManyWaiters
	}
	defer p.waiting.Add(-1)
	ends := time.Now().Add(patience)
	if err := p.awaitHead(ctx, position, ends); err != nil {
		return err
	}
	for _, name := range views {
		if behind(name) {
			if err := p.wait(ctx, p.view(name), position, ends); err != nil {
				return err
			}
		}
	}
	return nil
}

// Waiting is how many requests wait for a view, or to know whether there is what
// they wait for.
func (p *Positions) Waiting() int64 { return p.waiting.Load() }

func (p *Positions) wait(ctx context.Context, v *view, position uint64, ends time.Time) error {
	w := &waiter{position: position, ends: ends, done: make(chan error, 1)}
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

	p.deadlines.add(w)
	defer p.deadlines.remove(w)
	select {
	case err := <-w.done:
		if errors.Is(err, context.DeadlineExceeded) {
			v.leave(w)
		}
		return err
	case <-ctx.Done():
		v.leave(w)
		return ctx.Err()
	}
}
