package query

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/internal/reading/readtest"
	"sical-backend/projections"
)

// What is cached of a path says what else to read only as long as the path is that.
func TestAPathThatHasChangedIsReadAnew(t *testing.T) {
	t.Parallel()
	projector, reader := readtest.Tables(t)
	a, ctx := NewAnswerer(reader, nil), t.Context()
	viewer, path, one, two := Viewer{ID: uuid.New()}, uuid.New(), uuid.New(), uuid.New()
	readtest.Put(t, projector, one, "one", 1)
	readtest.Put(t, projector, two, "two", 2)
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
		_, err := a.reader.Read(ctx, goalViews(viewer, whole).views, func(s *reading.Snapshot) (err error) {
			tries++
			p, err = readGoalParts(ctx, s, whole, goalsFor{viewer, []*projections.GoalRow{goal}})
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
