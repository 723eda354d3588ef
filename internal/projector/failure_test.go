package projector

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

func TestUnknownEventsAreSteppedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	newer := w.event(events.StreamOf(events.KindGoal, w.id()), 1, w.id(), &events.GoalCreated{Title: "later", Visibility: events.Private})
	newer.Schema, w.log[0].Schema = 99, 99
	w.store([]events.Event{newer})
	w.some(50)
	w.start(nil, projections.Goal.View)
	w.reaches(51, projections.Goal.View)
	w.exact(projections.Goal.View)
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil, both...)
	w.some(20)
	w.reaches(20, both...)
	set := func(state string) {
		_, err := w.admin.Exec(context.Background(), `update sical.projection set state = $1 where view = 'goal'`, state)
		require.NoError(t, err)
	}
	set("paused")
	var before uint64
	testkit.Eventually(t, func() error { // until the owner has noticed
		w.some(5)
		w.reaches(uint64(len(w.log)), projections.Progress.View)
		at, _ := w.at(projections.Goal.View)
		if at != before || at == uint64(len(w.log)) {
			before = at
			return fmt.Errorf("goes on, at %d", at)
		}
		return nil
	})
	set("live")
	w.reaches(uint64(len(w.log)), both...)
	w.exact(projections.Goal.View)
}

func TestPanicIsAFailureOfTheView(t *testing.T) {
	t.Parallel()
	b := &batch{view: projections.Goal.View, totals: map[string]int64{}, rows: []*row{{value: &projections.ProgressRow{}}}} // not its type
	b.steps = []step{{event: &events.Event{Position: 7}, rows: b.rows}}
	b.rows[0].first = b.steps[0]
	b.fold()
	require.Len(t, b.failures, 1)
	require.EqualValues(t, 7, b.failures[0].event.Position)
	require.ErrorIs(t, b.failures[0].err, errView)
	permanent, aboutData := refusal(b.failures[0].err)
	require.True(t, permanent && aboutData)
}

// A build that is dropped while it is folded, as an old one is after a rebuild, has not
// failed, and nobody is told so.
func TestADroppedBuildHasNotFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	old := w.build(v, 1)
	w.build(v, 1) // which is read instead
	w.some(20)
	var log testkit.Log
	registry := prometheus.NewRegistry()
	pool := w.pool(postgres.RoleProjector)
	p := New(Config{
		Pool: pool, Log: eventlog.NewReader(pool), Views: []*projections.View{v},
		Metrics: telemetry.NewProjection(registry), Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	incarnation, err := p.cfg.Log.Incarnation(t.Context())
	require.NoError(t, err)
	r := newRunner(p, v, Unit{Build: old}, newHub(p.cfg, incarnation, 20))
	owned, err := r.acquire(t.Context())
	require.NoError(t, err)
	require.True(t, owned)

	require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return DropBuild(t.Context(), tx, old) }))
	_, err = r.step(t.Context())
	require.ErrorIs(t, err, errLost)
	require.Zero(t, log.Count("level="), "%s", &log)
	families, err := registry.Gather()
	require.NoError(t, err)
	told := false
	for _, f := range families {
		if f.GetName() == "sical_projection_failed" {
			told = true
			require.Zero(t, f.GetMetric()[0].GetGauge().GetValue())
		}
	}
	require.True(t, told)
}
