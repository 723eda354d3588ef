package projector

import (
	"errors"
	"fmt"

	"sical-backend/events"
	"sical-backend/projections"
)

// step is one event with the rows of the view that it touches.
type step struct {
	event *events.Event
	rows  []*row
}

// row is a row of the view on its way through a batch.
type row struct {
	key   projections.Key
	found bool // it stands in the table
	value projections.Row
}

// batch is what a run of events does to a view.
type batch struct {
	view    *projections.View
	steps   []step
	rows    []*row // that are touched, in the order of the first touch
	totals  map[string]int64
	groups  map[string]bool // collections that a row stood in or stands in; nil where too many rows are touched to tell
	unknown int             // events that only a newer binary can read
	forget  bool            // someone is erased
}

// failure is a fold that failed, by an error or a panic.
type failure struct {
	index    int // of the event among those of the batch
	position uint64
	err      error
}

// plan finds out which of the unit's rows the events touch, up to the first that
// fails.
func (r *runner) plan(list []*events.Event) (*batch, *failure) {
	b := &batch{view: r.view, totals: map[string]int64{}}
	rows := map[projections.Key]*row{}
	for i, e := range list {
		if !r.concerns[e.Type] {
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
			b.unknown++
			continue
		case err != nil:
			return nil, &failure{i, e.Position, err}
		}
		_, erased := e.Data.(*events.UserWasErased)
		b.forget = b.forget || erased
		s := step{event: e}
		for _, key := range keys {
			if key.Shard(r.shards) != r.unit.Shard {
				continue
			}
			touched := rows[key]
			if touched == nil {
				touched = &row{key: key}
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
	return b, nil
}

func touches(v *projections.View, e *events.Event) (keys []projections.Key, err error) {
	defer recovered(&err)
	if err := decode(e); err != nil {
		return nil, err
	}
	return v.Touches(*e), nil
}

// fold applies the steps to the rows, which have been loaded.
func (b *batch) fold(list []*events.Event) *failure {
	if err := b.count(-1); err != nil {
		return &failure{0, list[0].Position, err}
	}
	for _, s := range b.steps {
		for _, r := range s.rows {
			if err := r.apply(b.view, *s.event); err != nil {
				return &failure{int(s.event.Position - list[0].Position), s.event.Position, err}
			}
		}
	}
	if err := b.count(1); err != nil {
		return &failure{0, list[0].Position, err}
	}
	return nil
}

func (r *row) apply(v *projections.View, e events.Event) (err error) {
	defer recovered(&err)
	r.value = v.Fold(r.key, r.value, e)
	return nil
}

// count adds what the rows contribute to the sums, times sign, and notes the
// groups they stand in.
func (b *batch) count(sign int64) (err error) {
	defer recovered(&err)
	for _, r := range b.rows {
		for _, t := range b.view.Totals(r.value) {
			b.totals[t.Name] += sign * t.Value
		}
		if b.groups != nil {
			for _, name := range b.view.Groups(r.value) {
				b.groups[name] = true
			}
		}
	}
	return nil
}

// errView marks what a view's own functions get wrong, and would again.
var errView = errors.New("view")

// recovered makes an error of a panic: one view must not take the others down
// with it.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: panic: %v", errView, p)
	}
}
