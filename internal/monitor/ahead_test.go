package monitor

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/telemetry"
)

// After the database's clock was an hour ahead, what stands is seen to stand all the same.
func TestLagIsToldOfALogThatIsAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 10 {
		w.add(registered, `{"role":"learner"}`, -time.Hour)
	}
	for view, position := range map[string]int{"goal": 7, "user": 10} {
		w.exec(`insert into sical.view_version (view, version, serving) values ($1, 1, 1)`, view)
		w.exec(`insert into sical.projection (view, version, build, shard, position, incarnation) values ($1, 1, 1, 0, $2, gen_random_uuid())`, view, position)
	}
	conn, err := pgx.Connect(t.Context(), w.db.URL(postgres.RoleMonitor))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	told := watcher{registry: prometheus.NewRegistry()}
	m := New(Config{
		Views: []View{{"goal", 1}, {"user", 1}}, System: telemetry.NewSystem(told.registry), Logger: slog.New(slog.DiscardHandler),
		Stream: func(context.Context) (uint64, error) { return 4, nil },
	})
	looks := func(lines ...string) {
		t.Helper()
		more, err := m.look(t.Context(), conn)
		require.NoError(t, err)
		require.False(t, more)
		told.tells(t, lines...)
	}
	looks("sical_view_lag_events goal = 3", "sical_relay_lag_events = 6")
	for of, s := range m.stood { // as ten minutes later
		s.since = s.since.Add(-10 * time.Minute)
		m.stood[of] = s
	}
	looks("sical_view_lag_seconds user = 0")
	require.Regexp(t, `sical_view_lag_seconds goal = 6\d\d\n`, told.page(t))
	require.Regexp(t, `sical_relay_lag_seconds = 6\d\d\n`, told.page(t))
	w.exec(`update sical.projection set position = 8 where view = 'goal'`)
	looks("sical_view_lag_events goal = 2")
	require.NotRegexp(t, `sical_view_lag_seconds goal = 6\d\d\n`, told.page(t), "it has moved")
	require.Regexp(t, `sical_relay_lag_seconds = 6\d\d\n`, told.page(t))
}
