package reading

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/reading/readtest"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestSnapshotIsOneMoment: what is committed between two reads of one snapshot
// is in neither, nor is its position.
func TestSnapshotIsOneMoment(t *testing.T) {
	t.Parallel()
	projector, pool := readtest.Tables(t)
	id := uuid.New()
	readtest.Put(t, projector, id, "before", 1)
	r, ctx := NewReader(pool), t.Context()
	var first, second map[events.ID]*projections.PointRow
	checkpoints, err := r.Read(ctx, projections.Views(), func(s *Snapshot) error {
		first = Find(s, projections.Point, id)
		if err := s.Send(ctx); err != nil {
			return err
		}
		readtest.Put(t, projector, id, "after", 2)
		second = Find(s, projections.Point, id)
		return s.Finish(ctx)
	})
	require.NoError(t, err)
	require.Equal(t, []string{"before", "before"}, []string{first[id].Title, second[id].Title})
	folded := make([]uint64, len(projections.Views()))
	folded[slices.Index(projections.Views(), projections.Point.View)] = 1
	require.Equal(t, folded, at(checkpoints), "of the point alone; nobody folds the others yet")

	got, err := NewRowBatcher(r, projections.Point).Ask(ctx, []events.ID{id}, nil)
	require.NoError(t, err)
	require.Equal(t, "after", got.Found[id].Title)
	require.Equal(t, []uint64{2}, at(got.Checkpoints))
}

func at(checkpoints []projections.Checkpoint) (positions []uint64) {
	for _, c := range checkpoints {
		positions = append(positions, c.Position())
	}
	return positions
}

var errNotHere = errors.New("not here")

// TestFailedSnapshot: an error leaves no connection behind in a transaction.
func TestFailedSnapshot(t *testing.T) {
	t.Parallel()
	projector, pool := readtest.Tables(t)
	id := uuid.New()
	readtest.Put(t, projector, id, "here", 1)
	r, ctx := NewReader(pool), t.Context()
	for range 2 * pool.Config().MaxConns {
		_, err := r.Read(ctx, []*projections.View{projections.Point.View}, func(s *Snapshot) error {
			s.Queue(`insert into ` + projections.Point.Build(1).TotalTable() + ` values ('x', 0, 1)`)
			return s.Finish(ctx)
		})
		require.Error(t, err, "it only reads")
		_, err = r.Read(ctx, []*projections.View{projections.Point.View}, func(s *Snapshot) error {
			if err := s.Send(ctx); err != nil {
				return err
			}
			return errNotHere
		})
		require.ErrorIs(t, err, errNotHere)
	}
	readtest.Put(t, projector, id, "still here", 2)
	got, err := NewRowBatcher(r, projections.Point).Ask(ctx, []events.ID{id}, nil)
	require.NoError(t, err)
	require.Equal(t, "still here", got.Found[id].Title)
}

// TestRowsHoweverTheyAreAskedFor: a URL may have the driver prepare statements, or only
// describe them, as some poolers want it.
func TestRowsHoweverTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	projector, pool := readtest.Tables(t)
	id := uuid.New()
	readtest.Put(t, projector, id, "笔画", 1)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec} {
		config := pool.Config()
		config.ConnConfig.DefaultQueryExecMode = mode
		other, err := pgxpool.NewWithConfig(t.Context(), config)
		require.NoError(t, err)
		t.Cleanup(other.Close)
		r := NewReader(other)
		got, err := NewRowBatcher(r, projections.Point).Ask(t.Context(), []events.ID{id}, nil)
		require.NoError(t, err, mode)
		require.Equal(t, "笔画", got.Found[id].Title)
		require.Equal(t, []uint64{1}, at(got.Checkpoints))
		var found map[events.ID]*projections.PointRow
		_, err = r.Read(t.Context(), []*projections.View{projections.Point.View}, func(s *Snapshot) error {
			found = Find(s, projections.Point, id)
			return s.Finish(t.Context())
		})
		require.NoError(t, err, mode)
		require.Equal(t, "笔画", found[id].Title)
	}
}

// TestRowsOfAnotherBuild: what was assumed of a view is checked by the statement that
// reads it, whether the build before is still there or not, and whether it finds a row.
func TestRowsOfAnotherBuild(t *testing.T) {
	t.Parallel()
	projector, pool := readtest.Tables(t)
	id, ctx := uuid.New(), t.Context()
	readtest.Put(t, projector, id, "of the first build", 1)
	points := NewRowBatcher(NewReader(pool), projections.Point)
	read := func(ids ...events.ID) (map[events.ID]*projections.PointRow, projections.Checkpoint) {
		got, err := points.Ask(ctx, ids, nil)
		require.NoError(t, err)
		require.Len(t, got.Checkpoints, 1)
		return got.Found, got.Checkpoints[0]
	}
	found, at := read(id, uuid.New())
	require.Len(t, found, 1)
	require.Equal(t, projections.Checkpoint{Build: projections.Point.Build(1), Shards: []uint64{1}}, at)

	serve := func(build int) {
		_, err := projector.Exec(ctx, projections.Point.DDL(projections.Point.Build(build)))
		require.NoError(t, err)
		_, err = projector.Exec(ctx, `update sical.view_version set serving = $1 where view = 'point'`, build)
		require.NoError(t, err)
	}
	serve(2)
	found, at = read(id)
	require.Empty(t, found)
	require.Equal(t, projections.Checkpoint{Build: projections.Point.Build(2)}, at)

	serve(3)
	_, err := projector.Exec(ctx, `drop table `+projections.Point.Build(2).Table())
	require.NoError(t, err)
	found, at = read(uuid.New())
	require.Empty(t, found)
	require.Equal(t, projections.Point.Build(3), at.Build)
}

// TestBuildsThatDiffer: where it is another build each time, as behind an address of several servers,
// nothing is said of what was read. Once it is the same one, it is read, also where its table went
// while a snapshot was under way.
func TestBuildsThatDiffer(t *testing.T) {
	t.Parallel()
	projector, pool := readtest.Tables(t)
	r, ctx := NewReader(pool), t.Context()
	exec := func(sql string, args ...any) {
		_, err := projector.Exec(ctx, sql, args...)
		require.NoError(t, err)
	}
	serve := func(view string, build int) {
		exec(`update sical.view_version set serving = $1 where view = $2`, build, view)
	}
	exec(projections.Point.DDL(projections.Point.Build(2)))
	views, tries := []*projections.View{projections.Point.View, projections.Goal.View}, 0
	checkpoints, err := r.Read(ctx, views, func(s *Snapshot) error {
		tries++
		serve("point", 1+tries%2)
		return s.Finish(ctx)
	})
	require.ErrorIs(t, err, ErrOtherBuild)
	require.Nil(t, checkpoints)
	require.Equal(t, 3, tries)

	serve("point", 3) // which is not there yet
	checkpoints, err = r.Read(ctx, views, func(s *Snapshot) error {
		Find(s, projections.Point, uuid.New())
		return s.Finish(ctx)
	})
	require.ErrorIs(t, err, ErrOtherBuild)
	require.Nil(t, checkpoints)
	got, err := NewRowBatcher(r, projections.Point).Ask(ctx, []events.ID{uuid.New()}, nil)
	require.ErrorIs(t, err, ErrOtherBuild)
	require.Nil(t, got.Checkpoints)

	serve("point", 2)
	exec(projections.Goal.DDL(projections.Goal.Build(2)))
	drop := sync.OnceFunc(func() {
		serve("goal", 2)
		exec(`drop table ` + projections.Goal.Build(1).Table())
	})
	checkpoints, err = r.Read(ctx, views, func(s *Snapshot) error {
		Find(s, projections.Point, uuid.New())
		if err := s.Send(ctx); err != nil {
			return err
		}
		drop()
		Find(s, projections.Goal, uuid.New())
		return s.Finish(ctx)
	})
	require.NoError(t, err)
	require.Equal(t, []projections.Build{projections.Point.Build(2), projections.Goal.Build(2)}, []projections.Build{checkpoints[0].Build, checkpoints[1].Build})
}

// An erasure takes what was read before it out of memory, also where it was read by a
// snapshot that goes on.
func TestForgottenRowsAreNotKept(t *testing.T) {
	t.Parallel()
	projector, pool := readtest.Tables(t)
	r, ctx := NewReader(pool), t.Context()
	one, two := uuid.New(), uuid.New()
	readtest.Put(t, projector, one, "one", 1)
	readtest.Put(t, projector, two, "two", 2)
	snapshot := func(between func(), ids ...events.ID) {
		t.Helper()
		_, err := r.Read(ctx, []*projections.View{projections.Point.View}, func(s *Snapshot) error {
			for _, id := range ids {
				found, _ := Foresee(s, projections.Point, id)
				if err := s.Send(ctx); err != nil {
					return err
				}
				require.Contains(t, found, id)
				between()
			}
			return s.Finish(ctx)
		})
		require.NoError(t, err)
	}
	snapshot(func() {}, one, two)
	require.Equal(t, 2, r.Remembered())
	r.Forget()
	require.Zero(t, r.Remembered())
	snapshot(r.Forget, one, two)
	require.Zero(t, r.Remembered())
	snapshot(func() {}, two)
	require.Equal(t, 1, r.Remembered())
}
