package rebuild

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/projections"
)

// maxApart is how many events two builds may be apart to be compared. maxBetween bounds the
// bytes, as stored, of those that the view folds: they are in memory meanwhile.
const (
	maxApart   = 50_000
	maxBetween = 32 << 20
)

// ApartError says that two builds are too far apart to be compared.
type ApartError struct{ Events uint64 }

func (e *ApartError) Error() string {
	return fmt.Sprintf("the builds are %d events apart, too many to be compared", e.Events)
}

// comparison holds one build against another in one snapshot. Neither is stopped for that:
// where a shard of one is behind the other's, the few events in between are folded, in
// memory, into the rows that they touch.
type comparison struct {
	view     *projections.View
	old, new side
	// between are the events that one of the sides lacks, by the keys they touch.
	between map[projections.Key][]*events.Event
	outcome *Outcome
	pace    pace
}

// side is one of two builds that are compared.
type side struct {
	build     projections.Build
	folds     bool             // its fold is known here, so that its rows can be brought forward
	positions []uint64         // of its shards
	sums      map[string]int64 // what bringing rows forward adds to its sums
}

// compare holds the view's build new against the build old, of the same version or
// another. Rows of another version cannot be brought forward, as its fold is not known
// here: keys that have moved on in only one of the builds are skipped. Nor are its columns, so
// that rows are compared without.
func compare(ctx context.Context, pool *pgxpool.Pool, v *projections.View, old, new projections.Build, p pace) (*Outcome, error) {
	c := &comparison{
		view: v, pace: p, between: map[projections.Key][]*events.Event{}, outcome: &Outcome{},
		old: side{build: old, folds: old.Version == v.Version, sums: map[string]int64{}},
		new: side{build: new, folds: true, sums: map[string]int64{}},
	}
	err := inSnapshot(ctx, pool, func(tx pgx.Tx) (err error) {
		if c.old.positions, err = positions(ctx, tx, old); err != nil {
			return err
		}
		if c.new.positions, err = positions(ctx, tx, new); err != nil {
			return err
		}
		if err := c.load(ctx, tx); err != nil {
			return err
		}
		if err := c.rows(ctx, tx); err != nil {
			return err
		}
		return c.totals(ctx, tx)
	})
	return c.outcome, err
}

// load reads the events between the shards' positions.
func (c *comparison) load(ctx context.Context, tx pgx.Tx) error {
	from := min(minimum(c.old.positions), minimum(c.new.positions))
	to := max(maximum(c.old.positions), maximum(c.new.positions))
	c.outcome.Position = from
	if to-from > maxApart {
		return &ApartError{to - from}
	}
	concerns := map[string]bool{}
	for _, name := range c.view.Events {
		concerns[name] = true
	}
	for size := 0; from < to; {
		if size > maxBetween {
			return &ApartError{to - c.outcome.Position}
		}
		list, err := eventlog.ReadIn(ctx, tx, from, int(min(to-from, logPage)))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fmt.Errorf("%w: the builds stand at %d, and it ends at %d", errOtherLog, to, from)
		}
		for i := range list {
			e := &list[i]
			from = e.Position
			if !concerns[e.Type] {
				continue
			}
			size += len(e.Raw)
			keys, err := touches(c.view, e)
			if err != nil {
				continue // of a newer program; where decoding fails, it has stopped the build that met it
			}
			for _, k := range keys {
				c.between[k] = append(c.between[k], e)
			}
		}
	}
	return nil
}

// at is how far the row of a key is.
func (s *side) at(k projections.Key) uint64 { return s.positions[k.Shard(len(s.positions))] }

// rows goes through both tables side by side, in the order of their keys.
func (c *comparison) rows(ctx context.Context, tx pgx.Tx) error {
	columns := c.old.folds
	old, new := &stream[stored]{tx: tx, name: "old_rows", to: scanRow(c.view, columns)}, &stream[stored]{tx: tx, name: "new_rows", to: scanRow(c.view, columns)}
	for s, sql := range map[*stream[stored]]string{old: selectRows(c.view, c.old.build, columns), new: selectRows(c.view, c.new.build, columns)} {
		if err := declare(ctx, tx, s.name, sql); err != nil {
			return err
		}
	}
	begun := time.Now()
	for n := 1; ; n++ {
		if n%page == 0 {
			if err := c.pace.wait(ctx, 0, time.Since(begun)); err != nil {
				return err
			}
			begun = time.Now()
		}
		a, err := old.peek(ctx)
		if err != nil {
			return err
		}
		b, err := new.peek(ctx)
		if err != nil {
			return err
		}
		var left, right stored
		switch {
		case a == nil && b == nil:
			return c.rest()
		case b == nil || a != nil && compareKeys(a.key, b.key) < 0:
			left = *old.take()
		case a == nil || compareKeys(a.key, b.key) > 0:
			right = *new.take()
		default:
			left, right = *old.take(), *new.take()
		}
		key := left.key
		if left.doc == nil {
			key = right.key
		}
		if err := c.row(key, left, right); err != nil {
			return err
		}
	}
}

// rest compares the keys that neither table has a row of, but that one of the builds would
// have if it were as far as the other.
func (c *comparison) rest() error {
	for k := range c.between {
		if err := c.row(k, stored{}, stored{}); err != nil {
			return err
		}
	}
	return nil
}

// row compares the rows of a key, at the position of the build that is further on.
func (c *comparison) row(k projections.Key, old, new stored) (err error) {
	list := c.between[k]
	delete(c.between, k)
	if to := max(c.old.at(k), c.new.at(k)); len(list) > 0 {
		if !c.old.folds && c.old.at(k) != c.new.at(k) {
			c.outcome.Skipped++
			return nil
		}
		if old, err = c.forward(&c.old, k, old, list, to); err != nil {
			return err
		}
		if new, err = c.forward(&c.new, k, new, list, to); err != nil {
			return err
		}
		if old.doc == nil && new.doc == nil {
			return nil
		}
	}
	c.outcome.row(k, old, new)
	return nil
}

// forward folds into a side's row those events of list that the side lacks.
func (c *comparison) forward(s *side, k projections.Key, from stored, list []*events.Event, to uint64) (_ stored, err error) {
	defer recovered(&err)
	if s.at(k) == to {
		return from, nil
	}
	var row projections.Row
	if from.doc != nil {
		if row, err = c.view.Decode(from.doc); err != nil {
			return from, fmt.Errorf("row %s: %w", k, err)
		}
	}
	s.add(c.view.Totals(row), -1)
	for _, e := range list {
		if s.at(k) < e.Position && e.Position <= to {
			row = c.view.Fold(k, row, *e)
		}
	}
	s.add(c.view.Totals(row), 1)
	if row == nil {
		return stored{key: k}, nil
	}
	return expected(c.view, k, row)
}

func (s *side) add(totals []projections.Total, sign int64) {
	for _, t := range totals {
		s.sums[t.Name] += sign * t.Value
	}
}

// totals goes through both builds' sums side by side. Those of another version's
// fold are compared only where nothing was skipped.
func (c *comparison) totals(ctx context.Context, tx pgx.Tx) error {
	if c.outcome.Skipped > 0 {
		return nil
	}
	old, new := &stream[total]{tx: tx, name: "old_totals", to: scanTotal}, &stream[total]{tx: tx, name: "new_totals", to: scanTotal}
	for s, sql := range map[*stream[total]]string{old: selectTotals(c.old.build), new: selectTotals(c.new.build)} {
		if err := declare(ctx, tx, s.name, sql); err != nil {
			return err
		}
	}
	for {
		a, err := old.peek(ctx)
		if err != nil {
			return err
		}
		b, err := new.peek(ctx)
		if err != nil {
			return err
		}
		switch {
		case a == nil && b == nil:
			c.restOfTotals()
			return nil
		case b == nil || a != nil && a.name < b.name:
			c.total(old.take().name, a.value, 0)
		case a == nil || a.name > b.name:
			c.total(new.take().name, 0, b.value)
		default:
			old.take()
			c.total(new.take().name, a.value, b.value)
		}
	}
}

func (c *comparison) total(name string, old, new int64) {
	old, new = old+c.old.sums[name], new+c.new.sums[name]
	delete(c.old.sums, name)
	delete(c.new.sums, name)
	c.outcome.total(name, old, new)
}

// restOfTotals compares the sums that stand in neither build, but that bringing rows forward
// would make.
func (c *comparison) restOfTotals() {
	for name := range c.old.sums {
		c.total(name, 0, 0)
	}
	for name := range c.new.sums {
		c.total(name, 0, 0)
	}
}
