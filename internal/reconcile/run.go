package reconcile

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// A round compares the newest events, which everybody is about to read, and the
// next part of the older ones, so that all of the stream is looked at in turn and a
// round's cost is bounded: 60,000 events are some 20 MB.
const (
	newest = 10_000
	part   = 50_000
)

// Run compares a part of the stream every so often until ctx ends, and has it made
// anew where it differs. What fails is logged and tried again the next time.
func (c *Reconciler) Run(ctx context.Context, every time.Duration) error {
	for {
		// Processes that were started together do not all look at once.
		timer := time.NewTimer(every/2 + rand.N(every))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		if err := c.round(ctx); err != nil && ctx.Err() == nil {
			c.Logger.Warn("reconcile: log and stream were not compared, or not made equal", "error", err)
		}
	}
}

// round compares the newest events and, if they were right, the next part.
func (c *Reconciler) round(ctx context.Context) error {
	h, err := c.Log.History(ctx)
	if err != nil || h.Head == 0 {
		return err
	}
	r, err := c.Reconcile(ctx, Request{From: h.Head - min(h.Head-1, newest)})
	if errors.Is(err, ErrRange) {
		err = nil // the stream has not come so far
	}
	if err != nil || r.Repaired {
		return err
	}
	from := max(c.at, r.StreamFirst, 1)
	if from >= r.From { // behind there is what was just compared
		c.at = 0
		return nil
	}
	next := from + part
	_, err = c.Reconcile(ctx, Request{From: from, To: min(next, r.From) - 1})
	if errors.Is(err, ErrRange) {
		err = nil // discarded meanwhile
	}
	if err == nil {
		c.at = next // what could not be mended is looked at again
	}
	return err
}
