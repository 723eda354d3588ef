package projector

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/tail"
	"sical-backend/projections"
)

// A retry folds what is parked once more, from the log and in its order. Where that goes
// well it is parked no more: rows, sums and parks change in one transaction of the unit's
// owner. A key goes on from its first event that was held back. An event that did not tell
// its keys may have been overtaken by events of other streams, so the rows that it touches
// are folded from the log's beginning.

// retrial is one try to fold what was parked.
type retrial struct {
	runner *runner
	asked  parks // that are tried
	rest   parks // that stay
	upTo   uint64

	batch   *batch
	rows    map[projections.Key]*row
	from    map[projections.Key]uint64 // position of the first event to fold into the row
	streams map[projections.Key]bool   // that a stream touches which is tried
}

// unpark tries what somebody asked for: all together, or one after the other where the
// database refuses something of it. What fails again stays parked, with its new error. Each
// exchange with the database has an end, and the whole has none: it may have all of the log
// to read again.
func (r *runner) unpark(ctx context.Context) error {
	if err := r.hub.turns.Acquire(ctx, 1); err != nil {
		return err
	}
	defer r.hub.turns.Release(1)
	var asked parks
	err := r.exchange(ctx, func(ctx context.Context) (err error) {
		asked, err = r.loadParks(ctx, true)
		return err
	})
	if err != nil || asked.count() == 0 {
		return err
	}
	err = r.retry(ctx, asked)
	if permanent, _ := refusal(err); !permanent {
		return err
	}
	for _, one := range asked.apart() {
		if err := r.retry(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// retry folds what is asked for in one transaction. It fails where the database
// refuses several together.
func (r *runner) retry(ctx context.Context, asked parks) error {
	t := &retrial{runner: r, asked: asked.clone(), rest: r.parks.less(asked), upTo: r.lease.position}
	failed := map[string]error{}
	for {
		failures, err := t.fold(ctx)
		if err == nil && len(failures) == 0 {
			err = t.write(ctx, failed)
			if err == nil {
				return nil
			}
		}
		if permanent, _ := refusal(err); permanent {
			if t.asked.count() != 1 {
				return err
			}
			failures = t.all(err)
		} else if err != nil {
			return err
		}
		maps.Copy(failed, failures)
		t.keep(failures)
	}
}

// all gives one error to everything that is tried.
func (t *retrial) all(err error) map[string]error {
	failed := map[string]error{}
	for _, name := range t.asked.names() {
		failed[name] = err
	}
	return failed
}

// keep leaves parked what has failed.
func (t *retrial) keep(failed map[string]error) {
	maps.DeleteFunc(t.asked.keys, func(k projections.Key, _ uint64) bool { return failed[k.String()] != nil })
	maps.DeleteFunc(t.asked.streams, func(s events.Stream, _ uint64) bool { return failed[string(s)] != nil })
	t.rest = t.runner.parks.less(t.asked)
}

// fold works out the rows of what is tried, or tells what of it fails.
func (t *retrial) fold(ctx context.Context) (failed map[string]error, err error) {
	t.batch = &batch{view: t.runner.view, totals: map[string]int64{}, unparked: true}
	t.rows, t.from, t.streams = map[projections.Key]*row{}, map[projections.Key]uint64{}, map[projections.Key]bool{}
	if failed, err = t.touched(ctx); err != nil || len(failed) > 0 {
		return failed, err
	}
	for k, position := range t.asked.keys {
		if t.rows[k] == nil {
			t.add(k, position)
		}
	}
	r := t.runner
	if err := r.exchange(ctx, func(ctx context.Context) error { return r.table.read(ctx, r.cfg.Pool, t.batch.rows) }); err != nil {
		return nil, err
	}
	t.batch.count(-1)
	first := t.upTo + 1
	for _, row := range t.batch.rows {
		first = min(first, t.from[row.key])
		if t.from[row.key] == 0 {
			row.value = nil
		}
	}
	if err := t.scan(ctx, first, t.take); err != nil {
		return nil, err
	}
	t.batch.count(1)
	return t.failures(), nil
}

func (t *retrial) add(k projections.Key, from uint64) {
	t.rows[k], t.from[k] = &row{key: k}, from
	t.batch.rows = append(t.batch.rows, t.rows[k])
}

// touched finds the rows that the tried streams touch. failed has the streams whose
// events still do not tell their keys.
func (t *retrial) touched(ctx context.Context) (failed map[string]error, err error) {
	failed = map[string]error{}
	if len(t.asked.streams) == 0 {
		return nil, nil
	}
	first := slices.Min(slices.Collect(maps.Values(t.asked.streams)))
	return failed, t.scan(ctx, first, func(e *events.Event) error {
		if !t.asked.holds(e) || failed[string(e.Stream)] != nil {
			return nil
		}
		keys, err := t.keys(e)
		if err != nil {
			failed[string(e.Stream)] = err
		}
		for _, k := range keys {
			if t.rows[k] == nil {
				t.add(k, 0)
				t.streams[k] = true
			}
		}
		return nil
	})
}

// keys are those of the unit's rows that an event touches; an event of a newer
// binary touches none.
func (t *retrial) keys(e *events.Event) ([]projections.Key, error) {
	keys, err := touches(t.runner.view, e)
	var unknown events.UnknownType
	if errors.As(err, &unknown) {
		t.batch.skip(unknown)
		return nil, nil
	}
	return slices.DeleteFunc(keys, func(k projections.Key) bool { return k.Shard(t.runner.shards) != t.runner.unit.Shard }), err
}

// take folds an event into the rows that are tried.
func (t *retrial) take(e *events.Event) error {
	if t.rest.holds(e) {
		return nil
	}
	keys, err := t.keys(e)
	if err != nil {
		return err
	}
	for _, k := range keys {
		row := t.rows[k]
		if row != nil && row.err == nil && e.Position >= t.from[k] && !t.rest.holdsKey(k, e) {
			row.err = row.apply(t.runner.view, *e)
		}
	}
	return nil
}

// scan has f called with the unit's events from a position on, as far as it is.
func (t *retrial) scan(ctx context.Context, first uint64, f func(*events.Event) error) error {
	for after := max(first, 1) - 1; after < t.upTo; {
		list, err := tail.Read(ctx, t.runner.cfg.Log, after, batchSize)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return errShort
		}
		for _, e := range list {
			if e.Position > t.upTo || !t.runner.concerns[e.Type] {
				continue
			}
			if err := f(e); err != nil {
				return err
			}
		}
		after = list[len(list)-1].Position
	}
	return nil
}

// failures tells what of the tried has failed: a key where its own row has, and all
// streams together where a row has that any of them touches.
func (t *retrial) failures() map[string]error {
	failed := map[string]error{}
	for _, row := range t.batch.rows {
		if row.err == nil {
			continue
		}
		if _, asked := t.asked.keys[row.key]; asked {
			failed[row.key.String()] = row.err
		}
		if t.streams[row.key] {
			for s := range t.asked.streams {
				failed[string(s)] = row.err
			}
		}
	}
	return failed
}

// write commits the rows of what went well, and the errors of what did not.
func (t *retrial) write(ctx context.Context, failed map[string]error) error {
	r, queue := t.runner, &pgx.Batch{}
	if _, err := r.table.write(queue, t.batch.rows); err != nil {
		return err
	}
	r.table.add(queue, t.batch.totals)
	queue.Queue(`-- unpark parked
		delete from sical.parked where view = $1 and version = $2 and build = $3 and shard = $4 and name = any($5)`,
		r.unit.args(t.asked.names())...)
	for name, err := range failed {
		queue.Queue(`-- keep parked
			update sical.parked set error = $6, attempts = attempts + 1, retry = false
			where view = $1 and version = $2 and build = $3 and shard = $4 and name = $5`, r.unit.args(name, postgres.Text(err.Error()))...)
	}
	err := r.exchange(ctx, func(ctx context.Context) error { return r.save(ctx, queue, r.lease, false, t.batch.skipped) })
	if err != nil {
		return err
	}
	r.parks = t.rest
	r.tell(t.batch)
	for name, err := range failed {
		r.log(ctx, slog.LevelWarn, "still parked", "what", name, "error", err)
	}
	for _, name := range t.asked.names() {
		r.log(ctx, slog.LevelInfo, "not parked any more", "what", name)
	}
	return nil
}
