package projector

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"sical-backend/events"
	"sical-backend/projections"
)

// step is one event with the rows of the view that it touches.
type step struct {
	index int // of the event in the batch
	event *events.Event
	rows  []*row
}

// row is a row of the view on its way through a batch.
type row struct {
	key   projections.Key
	found bool // it stands in the table
	value projections.Row
	first step  // the first that touches it; once one has failed, that one
	err   error // of the step that failed; the row takes no more of the batch
}

// batch is what a run of events does to a view.
type batch struct {
	view    *projections.View
	steps   []step
	rows    []*row // that are touched, in the order of the first touch
	totals  map[string]int64
	groups  map[string]bool // collections that a row stood in or stands in; nil where too many rows are touched to tell
	unknown int             // events that only a newer binary can read
	skipped map[string]bool // the forms of those
	forget  bool            // someone is erased

	failures []*failure // in the order of the log; the batch cannot be written with any
	parked   []*failure // that are held back from now on
	parks    parks      // what the unit holds back with those, where there are any
	unparked bool       // something was tried again
}

// plan finds out which of the unit's rows the events touch, but for what is parked.
func (r *runner) plan(list []*events.Event, p parks) *batch {
	b := &batch{view: r.view, totals: map[string]int64{}}
	rows, erasure := map[projections.Key]*row{}, events.NameOf[events.UserErased]()
	for i, e := range list {
		if !r.concerns[e.Type] {
			continue
		}
		b.forget = b.forget || e.Type == erasure // also where its rows are held back
		if p.holds(e) {
			continue
		}
		if e.Data == nil {
			own := *e // others read the event, too
			e = &own
		}
		keys, err := touches(r.view, e)
		var unknown events.UnknownType
		switch {
		case errors.As(err, &unknown):
			b.skip(unknown)
			continue
		case err != nil:
			b.failures = append(b.failures, &failure{i, e, nil, err})
			continue
		}
		s := step{index: i, event: e}
		for _, key := range keys {
			if key.Shard(r.shards) != r.unit.Shard || p.holdsKey(key, e) {
				continue
			}
			touched := rows[key]
			if touched == nil {
				touched = &row{key: key, first: s}
				rows[key] = touched
				b.rows = append(b.rows, touched)
			}
			s.rows = append(s.rows, touched)
		}
		b.steps = append(b.steps, s)
	}
	if len(b.rows) <= maxNames {
		b.groups = map[string]bool{}
	}
	return b
}

func (b *batch) skip(u events.UnknownType) {
	if b.skipped == nil {
		b.skipped = map[string]bool{}
	}
	b.unknown++
	b.skipped[u.Form()] = true
}

func touches(v *projections.View, e *events.Event) (keys []projections.Key, err error) {
	defer recovered(&err)
	if err := decode(e); err != nil {
		return nil, err
	}
	return v.Touches(*e), nil
}

// fold applies the steps to the rows, which have been loaded.
func (b *batch) fold() {
	b.count(-1)
	for _, s := range b.steps {
		for _, r := range s.rows {
			if r.err != nil {
				continue
			}
			if r.err = r.apply(b.view, *s.event); r.err != nil {
				r.first = s // that fails
			}
		}
	}
	b.count(1)
	for _, r := range b.rows {
		if r.err != nil {
			b.failures = append(b.failures, &failure{r.first.index, r.first.event, &r.key, r.err})
		}
	}
	slices.SortStableFunc(b.failures, func(f, g *failure) int { return cmp.Compare(f.index, g.index) })
}

func (r *row) apply(v *projections.View, e events.Event) (err error) {
	defer recovered(&err)
	r.value = v.Fold(r.key, r.value, e)
	return nil
}

// count adds what the rows contribute to the sums, times sign, and notes the
// groups they stand in.
func (b *batch) count(sign int64) {
	for _, r := range b.rows {
		if r.err == nil {
			r.err = b.countRow(r, sign)
		}
	}
}

func (b *batch) countRow(r *row, sign int64) (err error) {
	defer recovered(&err)
	for _, t := range b.view.Totals(r.value) {
		b.totals[t.Name] += sign * t.Value
	}
	if b.groups != nil {
		for _, name := range b.view.Groups(r.value) {
			b.groups[name] = true
		}
	}
	return nil
}

// errView marks an error of a view's own functions, which would make it again.
var errView = errors.New("view")

// recovered makes an error of a panic: one view must not take the others down
// with it.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: panic: %v", errView, p)
	}
}
