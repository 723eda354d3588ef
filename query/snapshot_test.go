package query

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func migrate(adminURL string) error {
	_, err := postgres.Migrate(context.Background(), adminURL)
	return err
}

// tables opens a database with the views' empty tables, as their projector and
// as a reader with few connections.
func tables(t testing.TB) (projector, reader *pgxpool.Pool) {
	t.Helper()
	db := testkit.Database(t, migrate)
	open := func(role string) *pgxpool.Pool {
		pool, err := postgres.Open(t.Context(), db.AdminURL, postgres.Options{Role: role, MaxConns: 2})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		return pool
	}
	projector, reader = open(postgres.RoleProjector), open(postgres.RoleQuery)
	for _, v := range projections.Views() {
		_, err := projector.Exec(t.Context(), v.DDL(v.Build(1))+v.IndexDDL(v.Build(1)))
		require.NoError(t, err)
		_, err = projector.Exec(t.Context(), `insert into sical.view_version (view, version, serving) values ($1, $2, 1)`, v.Name, v.Version)
		require.NoError(t, err)
	}
	return projector, reader
}

// put stores a point as of a position, in one transaction.
func put(t testing.TB, projector *pgxpool.Pool, id events.ID, title string, position int) {
	t.Helper()
	doc, err := projections.Point.Encode(&projections.PointRow{ID: id, Version: 1, Title: title, Difficulty: 1})
	require.NoError(t, err)
	ctx := t.Context()
	require.NoError(t, pgx.BeginFunc(ctx, projector, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into `+projections.Point.Build(1).Table()+` (id, category, difficulty_level, created_at, doc)
			values ($1, '', 1, now(), $2) on conflict (id) do update set doc = excluded.doc`, id, doc); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into sical.projection (view, version, build, shard, position, incarnation)
			values ('point', $1, 1, 0, $2, gen_random_uuid()) on conflict (view, version, build, shard) do update set position = excluded.position`,
			projections.Point.Version, position)
		return err
	}))
}

// TestSnapshotIsOneMoment: what is committed between two reads of one snapshot
// is in neither, nor is its position.
func TestSnapshotIsOneMoment(t *testing.T) {
	t.Parallel()
	projector, reader := tables(t)
	id := uuid.New()
	put(t, projector, id, "before", 1)
	a, ctx := NewAnswerer(reader, nil), t.Context()
	var first, second map[events.ID]*projections.PointRow
	checkpoints, err := a.read(ctx, projections.Views(), func(s *snapshot) error {
		first = find(s, projections.Point, id)
		if err := s.send(ctx); err != nil {
			return err
		}
		put(t, projector, id, "after", 2)
		second = find(s, projections.Point, id)
		return s.finish(ctx)
	})
	require.NoError(t, err)
	require.Equal(t, []string{"before", "before"}, []string{first[id].Title, second[id].Title})
	require.Equal(t, []uint64{0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, at(checkpoints), "of the point alone; nobody folds the others yet")

	got, err := newRows(a, projections.Point).ask(ctx, []events.ID{id})
	require.NoError(t, err)
	require.Equal(t, "after", got.found[id].Title)
	require.Equal(t, []uint64{2}, at(got.checkpoints))
}

func at(checkpoints []projections.Checkpoint) (positions []uint64) {
	for _, c := range checkpoints {
		positions = append(positions, c.Position())
	}
	return positions
}

// TestFailedSnapshot: an error leaves no connection behind in a transaction.
func TestFailedSnapshot(t *testing.T) {
	t.Parallel()
	projector, reader := tables(t)
	id := uuid.New()
	put(t, projector, id, "here", 1)
	a, ctx := NewAnswerer(reader, nil), t.Context()
	for range 2 * reader.Config().MaxConns {
		_, err := a.read(ctx, []*projections.View{projections.Point.View}, func(s *snapshot) error {
			s.batch.Queue(`insert into ` + projections.Point.Build(1).TotalTable() + ` values ('x', 0, 1)`)
			return s.finish(ctx)
		})
		require.Error(t, err, "it only reads")
		_, err = a.read(ctx, []*projections.View{projections.Point.View}, func(s *snapshot) error {
			if err := s.send(ctx); err != nil {
				return err
			}
			return ErrNotFound
		})
		require.ErrorIs(t, err, ErrNotFound)
	}
	put(t, projector, id, "still here", 2)
	got, err := newRows(a, projections.Point).ask(ctx, []events.ID{id})
	require.NoError(t, err)
	require.Equal(t, "still here", got.found[id].Title)
}

// TestRowsOfAnotherBuild: what was assumed of a view is checked by the statement that
// reads it, whether the build before is still there or not, and whether it finds a row.
func TestRowsOfAnotherBuild(t *testing.T) {
	t.Parallel()
	projector, reader := tables(t)
	id, ctx := uuid.New(), t.Context()
	put(t, projector, id, "of the first build", 1)
	points := newRows(NewAnswerer(reader, nil), projections.Point)
	read := func(ids ...events.ID) (map[events.ID]*projections.PointRow, projections.Checkpoint) {
		got, err := points.ask(ctx, ids)
		require.NoError(t, err)
		require.Len(t, got.checkpoints, 1)
		return got.found, got.checkpoints[0]
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
	require.Equal(t, projections.Checkpoint{Build: projections.Point.Build(2), Shards: []uint64{}}, at)

	serve(3)
	_, err := projector.Exec(ctx, `drop table `+projections.Point.Build(2).Table())
	require.NoError(t, err)
	found, at = read(uuid.New())
	require.Empty(t, found)
	require.Equal(t, projections.Point.Build(3), at.Build)
}

// BenchmarkPoint answers the smallest question from the tables.
func BenchmarkPoint(b *testing.B) {
	projector, reader := tables(b)
	id := uuid.New()
	put(b, projector, id, "笔画", 1)
	a := NewAnswerer(reader, nil)
	q := a.Point(id)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Answer(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}

// TestListsArePlannedAnew: each for its own arguments, and nothing else after it.
func TestListsArePlannedAnew(t *testing.T) {
	t.Parallel()
	_, reader := tables(t)
	a, ctx := NewAnswerer(reader, nil), t.Context()
	show := func(s *snapshot, mode *string) {
		s.batch.Queue(`show plan_cache_mode`).QueryRow(func(row pgx.Row) error { return row.Scan(mode) })
	}
	var before, during, after string
	for range 2 * reader.Config().MaxConns {
		_, err := a.read(ctx, projections.Views(), func(s *snapshot) error {
			show(s, &before)
			enlist(s, projections.Point, &list{page: Paging{Limit: 1}})
			show(s, &during)
			return s.finish(ctx)
		})
		require.NoError(t, err)
		require.NoError(t, reader.QueryRow(ctx, `show plan_cache_mode`).Scan(&after))
		require.Equal(t, []string{"auto", "force_custom_plan", "auto"}, []string{before, during, after})
	}
}
