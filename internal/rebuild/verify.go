package rebuild

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/projections"
)

// VerifyConfig is how a build is held against the log.
type VerifyConfig struct {
	Pool  *pgxpool.Pool // of the projector role
	View  *projections.View
	Build projections.Build
	// Sample is about how many rows to look at, chosen at random; 0 for all of
	// them, and the sums.
	Sample int
	// Rows is how many rows may be in memory at a time, 0 for 100,000, and Bytes how much of
	// the table, as it is stored, 0 for 64 MiB.
	Rows, Bytes int
	// Progress is told now and then how much is done, from 0 to 1; nil for nobody.
	Progress func(done float64)
}

// verification is one run of Verify, in a snapshot.
type verification struct {
	VerifyConfig
	tx        pgx.Tx
	positions []uint64 // of the build's shards
	concerns  map[string]bool
	outcome   *Outcome
}

// Verify folds the log one event at a time, as plainly as can be, and compares
// every row and sum of a build with the outcome, all in one snapshot: each shard
// at the position that it has there. It shares no code with bulk or live folding
// but the view's own functions. Where the rows do not fit the memory, it goes
// through the log once for each range of keys.
func Verify(ctx context.Context, v VerifyConfig) (*Outcome, error) {
	if v.Rows == 0 {
		v.Rows = 100_000
	}
	if v.Bytes == 0 {
		v.Bytes = 64 << 20
	}
	if v.Progress == nil {
		v.Progress = func(float64) {}
	}
	run := &verification{VerifyConfig: v, concerns: map[string]bool{}, outcome: &Outcome{Sample: v.Sample}}
	for _, name := range v.View.Events {
		run.concerns[name] = true
	}
	err := inSnapshot(ctx, v.Pool, func(tx pgx.Tx) (err error) {
		run.tx = tx
		if run.positions, err = positions(ctx, tx, v.Build); err != nil {
			return err
		}
		run.outcome.Position = minimum(run.positions)
		return run.all(ctx)
	})
	return run.outcome, err
}

func minimum(list []uint64) uint64 {
	least := list[0]
	for _, p := range list {
		least = min(least, p)
	}
	return least
}

func maximum(list []uint64) uint64 {
	most := list[0]
	for _, p := range list {
		most = max(most, p)
	}
	return most
}

// all goes through the keys, a share at a time.
func (v *verification) all(ctx context.Context) error {
	var rows, sums, bytes int64
	if err := v.tx.QueryRow(ctx, fmt.Sprintf(`-- count rows
select (select count(*) from %[1]s), (select count(distinct name) from %[2]s), pg_table_size('%[1]s')`,
		v.Build.Table(), v.Build.TotalTable())).Scan(&rows, &sums, &bytes); err != nil {
		return err
	}
	if v.Sample > 0 && int64(v.Sample) < rows {
		width := uint64(float64(whole.last) / float64(rows) * float64(v.Sample))
		first := rand.Uint64N(whole.last - width) // a sample is to be another each time
		return v.share(ctx, share{first, first + width}, func(done float64) { v.Progress(done) })
	}
	parts := 1 + max(uint64(max(rows, sums))/uint64(v.Rows), uint64(bytes)/uint64(v.Bytes))
	width := whole.last/parts + 1 // 0 for all of them in one
	for i := range parts {
		s := share{i * width, (i+1)*width - 1}
		if i == parts-1 {
			s.last = whole.last
		}
		if err := v.share(ctx, s, func(done float64) { v.Progress((float64(i) + done) / float64(parts)) }); err != nil {
			return err
		}
	}
	return nil
}

// share compares the rows whose keys fall to s, and the sums whose names do.
func (v *verification) share(ctx context.Context, s share, progress func(float64)) error {
	rows, err := v.fold(ctx, s, progress)
	if err != nil {
		return err
	}
	sums := map[string]int64{}
	err = each(ctx, v.tx, "verified_rows", selectRows(v.View, v.Build, true), scanRow(v.View, true), func(got stored) error {
		if h := spread(got.key); s.first <= h && h <= s.last {
			if err := v.compare(got, rows[got.key]); err != nil {
				return err
			}
			delete(rows, got.key)
		}
		if v.Sample > 0 {
			return nil
		}
		return v.sum(got, s, sums)
	})
	if err != nil {
		return err
	}
	for k, r := range rows {
		want, err := expected(v.View, k, r)
		if err != nil {
			return err
		}
		v.outcome.row(k, want, stored{})
	}
	if v.Sample > 0 {
		return nil
	}
	return v.totals(ctx, s, sums)
}

func (v *verification) compare(got stored, r projections.Row) error {
	var want stored
	if r != nil {
		var err error
		if want, err = expected(v.View, got.key, r); err != nil {
			return err
		}
	}
	v.outcome.row(got.key, want, got)
	return nil
}

// sum adds what a row contributes to those sums that fall to s.
func (v *verification) sum(got stored, s share, sums map[string]int64) (err error) {
	defer recovered(&err)
	row, err := v.View.Decode(got.doc)
	if err != nil {
		return nil // the comparison of rows has shown the difference already
	}
	for _, t := range v.View.Totals(row) {
		if h := spreadName(t.Name); s.first <= h && h <= s.last {
			sums[t.Name] += t.Value
		}
	}
	return nil
}

func (v *verification) totals(ctx context.Context, s share, sums map[string]int64) error {
	err := each(ctx, v.tx, "verified_totals", selectTotals(v.Build), scanTotal, func(got total) error {
		if h := spreadName(got.name); s.first <= h && h <= s.last {
			v.outcome.total(got.name, sums[got.name], got.value)
			delete(sums, got.name)
		}
		return nil
	})
	for name, want := range sums {
		v.outcome.total(name, want, 0)
	}
	return err
}

// logPage is how many events are read at a time.
const logPage = 2000

// fold folds the events that touch the keys of a share, one at a time, each up to
// the position of its key's shard.
func (v *verification) fold(ctx context.Context, s share, progress func(float64)) (map[projections.Key]projections.Row, error) {
	rows := map[projections.Key]projections.Row{}
	to := maximum(v.positions)
	for at := uint64(0); at < to; progress(float64(at) / float64(to)) {
		list, err := eventlog.ReadIn(ctx, v.tx, at, logPage)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("%w: the build stands at %d, and it ends at %d", errOtherLog, to, at)
		}
		for i := range list {
			if err := v.apply(&list[i], s, rows); err != nil {
				return nil, &EventError{list[i].Position, list[i].Stream, list[i].Type, err}
			}
		}
		at = list[len(list)-1].Position
	}
	return rows, nil
}

func (v *verification) apply(e *events.Event, s share, rows map[projections.Key]projections.Row) (err error) {
	defer recovered(&err)
	if !v.concerns[e.Type] {
		return nil
	}
	if err := e.Decode(); err != nil {
		var unknown events.UnknownType
		if errors.As(err, &unknown) {
			return nil // as live folding steps over it
		}
		return err
	}
	for _, k := range v.View.Touches(*e) {
		h := spread(k)
		if h < s.first || h > s.last || e.Position > v.positions[k.Shard(len(v.positions))] {
			continue
		}
		if row := v.View.Fold(k, rows[k], *e); row != nil {
			rows[k] = row
		} else {
			delete(rows, k)
		}
	}
	return nil
}
