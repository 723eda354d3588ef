package reading

import (
	"context"
	"slices"

	"sical-backend/events"
	"sical-backend/projections"
)

// Result is what was found, and how far the views were.
type Result[T any] struct {
	Found       T
	Checkpoints []projections.Checkpoint
}

// NewSnapshotBatcher batches what find reads in a snapshot of the views, which it ends.
func NewSnapshotBatcher[K, T any](r *Reader, views []*projections.View, find func(context.Context, *Snapshot, []K) (T, error)) *Batcher[K, Result[T]] {
	return newBatcher(func(ctx context.Context, keys []K) (t Result[T], err error) {
		t.Checkpoints, err = r.Read(ctx, views, func(s *Snapshot) (err error) {
			t.Found, err = find(ctx, s, keys)
			return err
		})
		return t, err
	})
}

// NewTurnBatcher makes a Batcher whose reads take turns, so many at a time, and do not wait for
// each other: who finds one free is read for at once, and of those who wait for one such share it
// as can by their first keys (nil where all can), up to most keys. Where a read fails, those who
// shared it read alone without a turn.
func NewTurnBatcher[K, T any](turns, most int, share func(a, b K) bool, read func(ctx context.Context, keys []K) (T, error)) *Batcher[K, T] {
	return &Batcher[K, T]{read: read, atOnce: turns, most: most, share: share}
}

// NewMomentBatcher batches what is read of the views by one statement, a Part a view in their
// order. find makes what the parts fill; the keys are given to it once each.
func NewMomentBatcher[T any](r *Reader, views []*projections.View, find func(keys []events.ID) (T, []Part)) *Batcher[events.ID, Result[T]] {
	return newBatcher(func(ctx context.Context, keys []events.ID) (t Result[T], err error) {
		keys = distinct(keys)
		t.Checkpoints, err = r.assuming(ctx, views, func(builds map[string]projections.Build) ([]projections.Checkpoint, error) {
			var parts []Part
			t.Found, parts = find(keys)
			return r.moment(ctx, builds, keys, parts)
		})
		return t, err
	})
}

// distinct are the ids once each: what is joined with them is found once.
func distinct(ids []events.ID) []events.ID {
	if len(ids) < 2 {
		return ids
	}
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b events.ID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(sorted)
}

// RowBatcher batches reading rows of one view by their ids: what is found may be more than
// was asked for.
type RowBatcher[R any] struct {
	View *projections.View
	*Batcher[events.ID, Result[map[events.ID]*R]]
}

// NewRowBatcher makes one of a view.
func NewRowBatcher[R any](r *Reader, v projections.ViewOf[R]) *RowBatcher[R] {
	from := func(table string) string { return table + ` where id = any($2)` }
	find := func(ids []events.ID) (map[events.ID]*R, []Part) {
		found := make(map[events.ID]*R, len(ids))
		return found, []Part{PartOf(v, from, func(id events.ID, row *R) { found[id] = row })}
	}
	return &RowBatcher[R]{v.View, NewMomentBatcher(r, []*projections.View{v.View}, find)}
}
