package reading

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

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

// assuming runs f on the builds of the views that were read last, and again, twice at most,
// where f says that another build is to be read now.
func (r *Reader) assuming(ctx context.Context, views []*projections.View, f func(map[string]projections.Build) (again bool, err error)) error {
	for tries := 1; ; tries++ {
		builds, err := r.builds.builds(ctx, r.pool, views)
		if err != nil {
			return err
		}
		again, err := f(builds)
		if !again || tries == 3 {
			return err
		}
		r.builds.forget(views)
	}
}

// Read runs f in one snapshot of the views and tells how far each was in it. f ends it by
// Finish. Where a view turns out to be read from another build than the one last seen, f is
// called again; nothing was read by it then. Where it fails with ErrUnforeseen it is called
// again as well, in a snapshot in which nothing is foreseen. Read fails with ErrUnready, and
// as f does.
func (r *Reader) Read(ctx context.Context, views []*projections.View, f func(*Snapshot) error) (checkpoints []projections.Checkpoint, err error) {
	err = r.assuming(ctx, views, func(builds map[string]projections.Build) (again bool, err error) {
		checkpoints, again, err = r.try(ctx, views, builds, true, f)
		if errors.Is(err, ErrUnforeseen) {
			checkpoints, again, err = r.try(ctx, views, builds, false, f)
		}
		return again, err
	})
	return checkpoints, err
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
	checkpoints []projections.Checkpoint, again bool, err error,
) {
	conn, err := r.pool.Acquire(ctx)
	if err != nil {
		return nil, false, err
	}
	defer conn.Release() // which closes it where a transaction is left open: after an error
	s := &Snapshot{conn: conn, batch: &pgx.Batch{}, builds: builds, rows: r.rows.Load(), foresees: foresees}
	s.batch.Queue(`begin isolation level repeatable read, read only`)
	s.checkpoints(views, &checkpoints)
	err = f(s)
	return checkpoints, !s.sent && outdated(err), err
}
