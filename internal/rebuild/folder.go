package rebuild

import (
	"context"

	"sical-backend/events"
	"sical-backend/projections"
)

// folder folds the rows whose keys fall to it.
type folder struct {
	rows  map[projections.Key]projections.Row
	limit uint64 // of the keys in rows
	queue chan *work
	size  sizer
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
			if err := f.fold(p.view, t.key, e); err != nil {
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

func (f *folder) fold(v *projections.View, k projections.Key, e *events.Event) (err error) {
	defer recovered(&err)
	before := f.rows[k]
	switch after := v.Fold(k, before, *e); {
	case after == nil:
		delete(f.rows, k)
	case after != before: // and not changed in place
		f.rows[k] = after
	}
	return nil
}

// leastRows are kept by a folder whatever their size: a pass has to get somewhere.
const leastRows = 100

// bound keeps the folder within its part of the memory: where its rows outgrow
// that, everyone gives up the upper half of the keys, for another pass.
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

// shed lets go of the rows behind a limit.
func (f *folder) shed(limit uint64) {
	f.limit = limit
	for k := range f.rows {
		if spread(k) > limit {
			delete(f.rows, k)
		}
	}
	// A map does not shrink by itself.
	rows := make(map[projections.Key]projections.Row, len(f.rows))
	for k, v := range f.rows {
		rows[k] = v
	}
	f.rows = rows
}
