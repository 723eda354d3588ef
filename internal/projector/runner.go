package projector

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/internal/pause"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

const (
	// stoppedPause is how long a unit that has stopped waits before it tries again.
	stoppedPause = 5 * time.Second
	// After a batch a view pauses for as long as the batch took, within these bounds.
	// What comes meanwhile shares a transaction and a notice, which under load halves
	// what an event costs. An event that comes after the pause waits for nothing.
	shortBreath = 2 * time.Millisecond
	longBreath  = 5 * time.Millisecond
	// After a large batch it pauses for eventBreath an event, at most deepBreath. At
	// 1,000 events a second that changes nothing. Near 10,000 it makes batches grow to
	// some hundreds of events, each of which writes a sum once.
	eventBreath = 100 * time.Microsecond
	deepBreath  = 30 * time.Millisecond
)

// runner folds one unit. Everything it does happens in one goroutine, but for
// what the keeper tells it.
type runner struct {
	cfg   Config
	owner string
	limits
	view     *projections.View
	unit     Unit
	shards   int // of the build
	table    *table
	concerns map[string]bool
	hub      *hub
	metrics  telemetry.View

	owned  atomic.Int64  // epoch of the ownership, 0 before the first
	paused atomic.Bool   // whether somebody wants it so
	asked  atomic.Bool   // whether somebody wants what is parked tried again
	news   chan struct{} // holds one token once that has changed

	lease         lease
	sent          uint64    // To of the last notice
	told          time.Time // when it was sent
	breathesUntil time.Time // the pause after the last batch; see breath

	parks    parks     // that this unit holds back
	parkedAt time.Time // when something last was
	trouble  trouble
}

func newRunner(p *Projector, v *projections.View, u Unit, h *hub) *runner {
	r := &runner{
		cfg: p.cfg, owner: p.owner, limits: p.limits, view: v, unit: u, table: newTable(v, u), concerns: map[string]bool{},
		hub: h, metrics: p.cfg.Metrics.Of(v.Name, u.Version, u.Number, u.Shard), news: make(chan struct{}, 1),
	}
	for _, name := range v.Events {
		r.concerns[name] = true
	}
	return r
}

func (r *runner) epoch() int64 { return r.owned.Load() }

// heed takes in from the keeper whether the unit is to rest, and whether what it has
// parked is to be tried again.
func (r *runner) heed(paused, asked bool) {
	changed := r.paused.Swap(paused) != paused
	if r.asked.Swap(asked) != asked || changed {
		select {
		case r.news <- struct{}{}:
		default:
		}
	}
}

// run owns the unit until another does or ctx ends. It returns errOtherLog or nil.
func (r *runner) run(ctx context.Context) error {
	defer r.metrics.Gone() // whoever owns the unit next tells of it
	troubled := false
	for ctx.Err() == nil {
		owned, err := r.acquire(ctx)
		if err == nil && !owned {
			return nil
		}
		if owned {
			troubled = false
			r.metrics.Takeovers.Inc()
			err = r.work(ctx)
			if ctx.Err() != nil {
				r.release()
			}
		}
		switch {
		case errors.Is(err, errOtherLog):
			return err
		case errors.Is(err, errLost) || ctx.Err() != nil:
			return nil
		}
		if !troubled { // once, not for every try while the database is away
			r.log(ctx, slog.LevelWarn, "view interrupted", "error", err)
		}
		troubled = true
		pause.For(ctx, retryPause)
	}
	return nil
}

// work folds as the owner, until ownership is lost (errLost), another error or ctx's end.
func (r *runner) work(ctx context.Context) error {
	r.trouble.retryAt, r.trouble.failedPosition = time.Time{}, 0
	r.tell(nil)
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.obey()
		if err := r.keep(ctx); err != nil {
			return err
		}
		if r.lease.state != wire.ViewPaused && r.asked.Swap(false) {
			if err := r.unpark(ctx); err != nil {
				return err
			}
		}
		var changed <-chan struct{} // nil, that is never, where the unit rests
		if r.lease.state != wire.ViewPaused && !time.Now().Before(r.trouble.retryAt) {
			var err error
			if changed, err = r.step(ctx); err != nil {
				return err
			}
			if changed == nil {
				continue
			}
		}
		r.rest(ctx, changed)
	}
}

// exchange has f ask the database, within patience. It is for work that has no end of its own.
func (r *runner) exchange(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	return f(ctx)
}

// obey takes in whether the unit is to rest. One that is to go on tries a failed
// fold again at once.
func (r *runner) obey() {
	paused := r.paused.Load()
	if paused == (r.lease.state == wire.ViewPaused) {
		return
	}
	r.lease.state, r.trouble.retryAt = wire.ViewLive, time.Time{}
	if paused {
		r.lease.state = wire.ViewPaused
	}
	r.tell(nil)
}

// keep does what is due without any event: saving the position, telling that we
// are there.
func (r *runner) keep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	if !r.lease.dirty.IsZero() && time.Since(r.lease.dirty) >= saveLimit {
		if err := r.save(ctx, &pgx.Batch{}, r.lease, false, nil); err != nil {
			return err
		}
	}
	if time.Since(r.told) >= heartbeat {
		r.tell(nil)
	}
	return nil
}

// rest waits until something has changed or the next thing is due.
func (r *runner) rest(ctx context.Context, changed <-chan struct{}) {
	due := r.told.Add(heartbeat)
	if !r.lease.dirty.IsZero() {
		due = earlier(due, r.lease.dirty.Add(saveLimit))
	}
	if r.lease.state != wire.ViewPaused && changed == nil {
		due = earlier(due, r.trouble.retryAt)
	}
	t := time.NewTimer(time.Until(due))
	defer t.Stop()
	select {
	case <-changed:
	case <-r.news:
	case <-t.C:
	case <-ctx.Done():
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// step applies the next events, or returns a channel to wait on for some.
func (r *runner) step(ctx context.Context) (changed <-chan struct{}, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	if breath := time.Until(r.breathesUntil); breath > 0 {
		pause.For(ctx, breath)
	}
	list, behind, changed := r.hub.After(r.lease.position)
	if behind {
		release, err := r.hub.slots.Acquire(ctx)
		if err != nil {
			return nil, err
		}
		defer release()
		if list, err = r.hub.pages.after(ctx, r.lease.position); err != nil {
			return nil, err
		}
	}
	if len(list) == 0 {
		return changed, nil
	}
	err = r.apply(ctx, list)
	r.metrics.Behind.Set(float64(max(r.hub.Position(), r.lease.position) - r.lease.position))
	return nil, err
}

func (r *runner) log(ctx context.Context, level slog.Level, message string, args ...any) {
	r.cfg.Logger.With("view", r.view.Name, "version", r.view.Version, "build", r.unit.Number, "shard", r.unit.Shard).Log(ctx, level, message, args...)
}
