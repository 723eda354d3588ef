package projector

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

func TestHowViewsStand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pool := w.pool("sical_projector")
	observer := NewObserver(pool, []*projections.View{projections.Goal.View, projections.Progress.View, projections.User.View})
	look := func() (goal, progress, user Status) {
		list, _, err := observer.Look(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 3)
		return list[0], list[1], list[2]
	}
	owned := func() (goal, progress, user Status) {
		testkit.Eventually(t, func() error { // a busy machine may renew a lease late
			if goal, progress, user = look(); len(goal.Owners) == 0 || len(progress.Owners) == 0 {
				return errors.New("nobody owns a view")
			}
			return nil
		})
		return goal, progress, user
	}
	goal, _, _ := look()
	assert.Equal(t, Status{View: "goal", State: "building", Owners: []string{}, Builds: []BuildStatus{}}, goal)

	w.build(projections.Progress.View, 2)
	registry := prometheus.NewRegistry()
	one, stop := w.start(func(c *Config) { c.Metrics = telemetry.NewProjection(registry) }, both...)
	w.some(100) // a second apart by the log's own time
	w.reaches(100, both...)
	require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := NewBuild(t.Context(), tx, projections.Progress.View, 3)
		return err
	}))
	_, err := w.admin.Exec(t.Context(), `update sical.projection set state = 'paused' where view = 'progress' and build = 1 and shard = 1`)
	require.NoError(t, err)
	testkit.Eventually(t, func() error { // until the owner has noticed
		w.some(5)
		w.reaches(uint64(len(w.log)), projections.Goal.View)
		if _, progress, _ := look(); progress.Lag < 5 {
			return fmt.Errorf("the shard goes on: %+v", progress)
		}
		return nil
	})
	head := int64(len(w.log))
	var goals Status
	testkit.Eventually(t, func() error { // two looks while it moves
		w.some(20)
		head = int64(len(w.log))
		w.reaches(uint64(head), projections.Goal.View)
		if goals, _, _ = owned(); goals.Rate == 0 {
			return errors.New("no rate")
		}
		return nil
	})
	_, err = w.admin.Exec(t.Context(), `insert into sical.parked (view, version, build, shard, name, position, stream, type, names, error, attempts)
		select view, version, build, shard, name, 1, '', '', '{}', '', 3
		from sical.projection, unnest(array['a', 'b']) name where view = 'progress' and build = 1`)
	require.NoError(t, err)
	_, progress, user := owned()
	assert.EqualValues(t, 4, progress.Parked)
	assert.Equal(t, []any{projections.Goal.Version, 1, head, int64(0), 0.0, 0.0, "live", []string{one.owner}},
		[]any{goals.Version, goals.Build, goals.Position, goals.Lag, goals.Trail, goals.Oldest, goals.State, goals.Owners})
	assert.Equal(t, []any{1, head, "paused", []string{one.owner}},
		[]any{progress.Build, progress.Position + progress.Lag, progress.State, progress.Owners})
	assert.EqualValues(t, progress.Lag, progress.Trail, "its events are a second apart")
	assert.Greater(t, progress.Oldest, progress.Trail, "the last event has stood for a while, too")
	assert.Equal(t, []BuildStatus{
		{Version: progress.Version, Build: 1, Shards: 2, Serving: true, Position: progress.Position, Lag: progress.Lag, State: "paused", Parked: 4},
		{Version: progress.Version, Build: 2, Shards: 3, Lag: head, State: "building"},
	}, progress.Builds)
	assert.Zero(t, user.Version)

	told := func() (n int) {
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, f := range families {
			if f.GetName() == "sical_projection_position" {
				n = len(f.GetMetric())
			}
		}
		return n
	}
	require.Equal(t, 3, told(), "one of goal, two of progress")
	stop()
	require.Zero(t, told(), "another tells of them")
	goal, _, _ = look()
	assert.Empty(t, goal.Owners)
}
