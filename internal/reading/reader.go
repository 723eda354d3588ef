package reading

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/internal/postgres"
	"sical-backend/projections"
)

// ErrUnforeseen is what a function that Read runs fails with where it has relied on
// Foresee, and a row turns out to have changed.
var ErrUnforeseen = errors.New("reading: a row has changed since it was read last")

// Reader reads views through a pool. Its methods may be called by many at a time.
type Reader struct {
	pool   *pgxpool.Pool
	rows   atomic.Pointer[rowCaches]
	builds buildCache
}

// NewReader makes a Reader that has read nothing yet.
func NewReader(pool *pgxpool.Pool) *Reader {
	r := &Reader{pool: pool}
	r.Forget()
	return r
}

// Forget drops every row that Foresee has read so far. What a snapshot that is under way reads
// later is not kept either.
func (r *Reader) Forget() { r.rows.Store(new(rowCaches)) }

// Remembered tells how many rows are kept.
func (r *Reader) Remembered() (rows int) {
	for _, c := range r.rows.Load().kinds.Range {
		rows += c.(interface{ count() int }).count()
	}
	return rows
}

// assuming has the views read from the builds that were read last, and again, twice at most, where
// it turns out that another build is to be read now. Then it fails with ErrOtherBuild, which says
// nothing of what the views hold: it has no checkpoints.
func (r *Reader) assuming(ctx context.Context, views []*projections.View, read func(map[string]projections.Build) ([]projections.Checkpoint, error)) (
	[]projections.Checkpoint, error,
) {
	for tries := 1; ; tries++ {
		builds, err := r.builds.builds(ctx, r.pool, views)
		if err != nil {
			return nil, err
		}
		checkpoints, err := read(builds)
		if postgres.UndefinedTable(err) { // of a build that is dropped, or not there yet
			err = fmt.Errorf("%w: %w", ErrOtherBuild, err)
		}
		if !errors.Is(err, ErrOtherBuild) {
			return checkpoints, err
		}
		r.builds.forget(views)
		if tries == 3 {
			return nil, err
		}
	}
}

// Read runs f in one snapshot of the views and tells how far each was in it. f ends it by
// Finish. Where a view turns out to be read from another build than the one last seen, f is
// called again. Where it fails with ErrUnforeseen it is called again as well, in a snapshot in
// which nothing is foreseen. Read fails with ErrUnready, with ErrOtherBuild, and as f does.
func (r *Reader) Read(ctx context.Context, views []*projections.View, f func(*Snapshot) error) ([]projections.Checkpoint, error) {
	return r.assuming(ctx, views, func(builds map[string]projections.Build) ([]projections.Checkpoint, error) {
		checkpoints, err := r.try(ctx, views, builds, true, f)
		if errors.Is(err, ErrUnforeseen) {
			checkpoints, err = r.try(ctx, views, builds, false, f)
		}
		return checkpoints, err
	})
}

// Both tells how far each view was in both of two Reads, which may have been of two servers behind
// one URL: of each shard the older position. ok is false where a view was read from different
// builds, or shards, whose positions say nothing of each other.
func Both(one, other []projections.Checkpoint) (both []projections.Checkpoint, ok bool) {
	for i, c := range one {
		also := other[i]
		if c.Build != also.Build || len(c.Shards) != len(also.Shards) {
			return nil, false
		}
		c.Shards = slices.Clone(c.Shards)
		for n, at := range also.Shards {
			c.Shards[n] = min(c.Shards[n], at)
		}
		both = append(both, c)
	}
	return both, true
}

func (r *Reader) try(ctx context.Context, views []*projections.View, builds map[string]projections.Build, foresees bool, f func(*Snapshot) error) (
	checkpoints []projections.Checkpoint, err error,
) {
	conn, err := r.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release() // which closes it where a transaction is left open: after an error
	s := &Snapshot{conn: conn, batch: &pgx.Batch{}, builds: builds, rows: r.rows.Load(), foresees: foresees}
	s.batch.Queue(`begin isolation level repeatable read, read only`)
	s.checkpoints(views, &checkpoints)
	err = f(s)
	return checkpoints, err
}
