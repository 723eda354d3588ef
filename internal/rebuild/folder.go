package rebuild

import (
	"context"

	"sical-backend/events"
	"sical-backend/projections"
)

// folder folds the rows whose keys fall to it. They are found by their spread keys, which
// are numbers: most of a lookup's cost is touching memory that is in no processor cache,
// and a map of numbers has a third as much to touch as one of keys.
type folder struct {
	rows  []row                   // in the order they were first met; without a value where there is none any more
	index map[uint64]int          // where the row of a spread key is
	twins map[projections.Key]int // those whose spread key is another's as well
	limit uint64                  // the last spread key of those in rows
	queue chan *work
	size  sizer
}

func newFolder(limit uint64, queue int) *folder {
	return &folder{index: map[uint64]int{}, twins: map[projections.Key]int{}, limit: limit, queue: make(chan *work, queue)}
}

// row is that of a key, a new one without a value.
func (f *folder) row(k projections.Key, h uint64) *row {
	at, known := f.index[h]
	switch {
	case !known:
		at = len(f.rows)
		f.index[h] = at
	case f.rows[at].key != k:
		if at, known = f.twins[k]; !known {
			at = len(f.rows)
			f.twins[k] = at
		}
	}
	if !known {
		f.rows = append(f.rows, row{key: k})
	}
	return &f.rows[at]
}

func (p *pass) foldAll(ctx context.Context, f *folder, own int) error {
	for w := range f.queue {
		select {
		case <-w.decoded:
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, t := range w.touched[own] {
			e := &w.events[t.event]
			if err := f.fold(p.view, t, e); err != nil {
				return &EventError{e.Position, e.Stream, e.Type, err}
			}
		}
		if w.folding.Add(-1) == 0 {
			p.spent.Put(w)
		}
		p.bound(f)
	}
	return nil
}

func (f *folder) fold(v *projections.View, t touch, e *events.Event) (err error) {
	defer recovered(&err)
	r := f.row(t.key, t.spread)
	r.value = v.Fold(t.key, r.value, *e)
	return nil
}

// leastRows are kept by a folder whatever their size, so that each pass gets some keys done.
const leastRows = 100

// bound keeps the folder within its part of the memory. Where its rows outgrow that, all
// folders give up the upper half of the keys, for another pass.
func (p *pass) bound(f *folder) {
	limit := p.limit.Load()
	if f.size.of(f.rows) > p.memory/int64(len(p.folders)) && len(f.rows) > leastRows {
		half := share{p.share.first, f.limit}.half().last
		for limit > half && !p.limit.CompareAndSwap(limit, half) {
			limit = p.limit.Load()
		}
		limit = min(limit, half)
	}
	if limit < f.limit {
		f.shed(limit)
	}
}

// shed lets go of the rows behind a limit, and of the memory they took.
func (f *folder) shed(limit uint64) {
	kept := newFolder(limit, 0)
	for _, r := range f.rows {
		if h := spread(r.key); h <= limit && r.value != nil {
			kept.row(r.key, h).value = r.value
		}
	}
	f.rows, f.index, f.twins, f.limit = kept.rows, kept.index, kept.twins, limit
}
