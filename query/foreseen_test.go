package query

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/projections"
)

// An erasure takes what was read before it out of memory, also where it was read by a
// snapshot that goes on.
func TestForgottenRowsAreNotKept(t *testing.T) {
	t.Parallel()
	projector, reader := tables(t)
	a, ctx := NewAnswerer(reader, nil), t.Context()
	one, two := uuid.New(), uuid.New()
	put(t, projector, one, "one", 1)
	put(t, projector, two, "two", 2)
	snapshot := func(between func(), ids ...events.ID) {
		t.Helper()
		_, err := a.read(ctx, []*projections.View{projections.Point.View}, func(s *snapshot) error {
			for _, id := range ids {
				found := find(s, projections.Point, id)
				if err := s.send(ctx); err != nil {
					return err
				}
				require.Contains(t, found, id)
				between()
			}
			return s.finish(ctx)
		})
		require.NoError(t, err)
	}
	snapshot(func() {}, one, two)
	require.Equal(t, 2, a.Remembered())
	a.Forget()
	require.Zero(t, a.Remembered())
	snapshot(a.Forget, one, two)
	require.Zero(t, a.Remembered())
	snapshot(func() {}, two)
	require.Equal(t, 1, a.Remembered())
}

// What is cached of a path says what else to read only as long as the path is that.
func TestAPathThatHasChangedIsReadAnew(t *testing.T) {
	t.Parallel()
	projector, reader := tables(t)
	a, ctx := NewAnswerer(reader, nil), t.Context()
	viewer, path, one, two := Viewer{ID: uuid.New()}, uuid.New(), uuid.New(), uuid.New()
	put(t, projector, one, "one", 1)
	put(t, projector, two, "two", 2)
	table := projections.Path.Build(1).Table()
	keep := func(points ...events.ID) {
		doc, err := projections.Path.Encode(&projections.PathRow{ID: path, Points: points, PublishedAt: new(time.Unix(1, 0).UTC())})
		require.NoError(t, err)
		_, err = projector.Exec(ctx, `insert into `+table+` (id, status, category, created_at, words, doc) values ($1, 'published', '', now(), '', $2)
			on conflict (id) do update set doc = excluded.doc`, path, doc)
		require.NoError(t, err)
	}
	goal := &projections.GoalRow{ID: uuid.New(), Owner: viewer.ID, Paths: []events.ID{path}}
	reads := func(times int, points ...events.ID) {
		t.Helper()
		var p goalParts
		tries := 0
		_, err := a.read(ctx, goalViews(viewer, whole).views, func(s *snapshot) (err error) {
			tries++
			p, err = s.goalParts(ctx, whole, goalsFor{viewer, []*projections.GoalRow{goal}})
			return err
		})
		require.NoError(t, err)
		require.Equal(t, times, tries)
		require.Equal(t, points, p.pointsOf(viewer, goal))
		require.Len(t, p.points, len(points))
		for _, id := range points {
			require.Equal(t, id, p.points[id].ID)
		}
	}
	reads(1)
	keep(one)
	reads(1, one)
	reads(1, one)
	keep(two, one)
	reads(2, two, one)
	reads(1, two, one)
	_, err := projector.Exec(ctx, `delete from `+table)
	require.NoError(t, err)
	reads(2)
}
