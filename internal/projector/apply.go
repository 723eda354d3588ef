package projector

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/wire"
)

// apply folds the events and commits the outcome. Where an event fails, those before it
// are committed, and that one is tried a few times; then what fails is parked.
func (r *runner) apply(ctx context.Context, list []*events.Event) error {
	if err := r.hub.turns.Acquire(ctx, 1); err != nil {
		return err
	}
	defer r.hub.turns.Release(1)
	began := time.Now()
	list = r.trouble.narrowed(list)
	b, err := r.fold(ctx, list, r.parks)
	if err == nil && len(b.failures) > 0 && b.failures[0].index > 0 {
		list = list[:b.failures[0].index]
		b, err = r.fold(ctx, list, r.parks)
	}
	if err == nil && len(b.failures) > 0 {
		b, err = r.without(ctx, list, b.failures)
	}
	if permanent, _ := refusal(err); permanent {
		return r.fail(ctx, list[0].Position, err)
	}
	if err != nil || b == nil {
		return err
	}
	if len(b.rows)+len(b.parked) == 0 && r.lease.skips(b.skipped) && r.lease.state == wire.ViewLive {
		// Nothing to write, and the checkpoint can wait a little for company.
		if r.lease.dirty.IsZero() {
			r.lease.dirty = began
		}
		r.lease = r.lease.past(list)
	} else if b, err = r.commit(ctx, list, b); err != nil || b == nil {
		return err
	}
	r.tell(b)
	r.trace(b, began)
	ended := time.Now()
	r.breathesUntil = ended.Add(breath(ended.Sub(began), len(b.steps)))
	r.metrics.Events.Add(float64(len(b.steps)))
	r.metrics.Unknown.Add(float64(b.unknown))
	if len(b.rows) > 0 {
		r.metrics.Batch.Observe(ended.Sub(began).Seconds())
	}
	return nil
}

// breath is how long a view pauses after a batch of so many events; see shortBreath.
func breath(took time.Duration, events int) time.Duration {
	ordinary := min(max(took, shortBreath), longBreath)
	return max(ordinary, min(time.Duration(events)*eventBreath, deepBreath))
}

// fold works the batch out in memory, but for what is parked.
func (r *runner) fold(ctx context.Context, list []*events.Event, p parks) (*batch, error) {
	b := r.plan(list, p)
	if err := r.table.read(ctx, r.cfg.Pool, b.rows); err != nil {
		return nil, err
	}
	b.fold()
	return b, nil
}

// without folds the batch again without what fails in it, and marks that to be parked.
// It returns nil where the failing event is to be tried again first, or where the unit
// has stopped.
func (r *runner) without(ctx context.Context, list []*events.Event, failures []*failure) (b *batch, err error) {
	first := failures[0]
	if !r.exhausted(ctx, first) {
		return nil, nil
	}
	p := r.parks
	var parked []*failure
	for len(failures) > 0 { // more may fail once these are left out; never the same
		p, parked = p.with(failures), append(parked, failures...)
		if p.count() > mostParked {
			return nil, r.fail(ctx, first.event.Position, fmt.Errorf("too much is parked already: %w", first.err))
		}
		if b, err = r.fold(ctx, list, p); err != nil {
			return nil, err
		}
		failures = b.failures
	}
	b.parks, b.parked = p, parked
	return b, nil
}

// commit writes rows, sums, what is parked and the checkpoint, and returns what was
// written. It returns nil where the database refused the batch: smaller batches, or
// another try, then show which event is to blame.
func (r *runner) commit(ctx context.Context, list []*events.Event, b *batch) (*batch, error) {
	err := r.write(ctx, list, b)
	permanent, aboutData := refusal(err)
	switch {
	case !permanent:
		if err != nil {
			return nil, err
		}
		return b, nil
	case aboutData && len(list) > 1:
		r.trouble.doubt(list)
		return nil, nil
	case !aboutData || len(b.parked) > 0 || len(b.rows) == 0:
		return nil, r.fail(ctx, list[0].Position, err)
	}
	var failures []*failure // which of the rows cannot be told
	for _, row := range b.rows {
		failures = append(failures, &failure{0, list[0], &row.key, err})
	}
	if b, err = r.without(ctx, list, failures); err != nil || b == nil {
		return nil, err
	}
	return b, r.write(ctx, list, b)
}

func (r *runner) write(ctx context.Context, list []*events.Event, b *batch) error {
	to := r.lease.past(list)
	queue := &pgx.Batch{}
	written, err := r.table.write(queue, b.rows)
	if err != nil {
		return err
	}
	r.table.add(queue, b.totals)
	r.park(queue, b.parked)
	if err := r.save(ctx, queue, to, true, b.skipped); err != nil {
		return err
	}
	for _, f := range b.parked {
		r.log(ctx, slog.LevelError, "parked", "position", f.event.Position, "type", f.event.Type, "what", f.name(), "error", f.err)
	}
	if len(b.parked) > 0 {
		r.parks, r.parkedAt = b.parks, time.Now()
	}
	if r.trouble.stoppedPosition != 0 {
		r.log(ctx, slog.LevelInfo, "view goes on", "position", to.position)
	}
	r.trouble.pass()
	r.metrics.Failed.Set(0)
	r.metrics.Rows.Add(float64(written))
	return nil
}
