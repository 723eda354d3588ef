package monitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func migrated(url string) error {
	_, err := postgres.Migrate(context.Background(), url)
	return err
}

// world is a log that is written to by hand.
type world struct {
	t    *testing.T
	db   *testkit.DB
	conn *pgx.Conn
	head int
}

func newWorld(t *testing.T) *world {
	db := testkit.Database(t, migrated)
	conn, err := pgx.Connect(t.Context(), db.AdminURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &world{t: t, db: db, conn: conn}
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.conn.Exec(w.t.Context(), sql, args...)
	require.NoError(w.t, err, sql)
}

// add appends an event that was recorded so long ago.
func (w *world) add(name, data string, ago time.Duration) {
	w.t.Helper()
	w.head++
	w.exec(`insert into sical.events (position, event_id, stream, version, type, schema, data, metadata, owner, final, occurred_at, recorded_at)
		values ($1::bigint, gen_random_uuid(), 'x-' || $1::bigint, 1, $2, 1, $3, '{}', gen_random_uuid(), false, now(), now() - $4::interval)`, w.head, name, data, ago)
}

// watcher is a running monitor and its page of metrics.
type watcher struct {
	registry *prometheus.Registry
	stop     func()
}

func (w *world) watch(adapt func(*Config)) watcher {
	w.t.Helper()
	pool, err := postgres.Open(w.t.Context(), w.db.URL(postgres.RoleMonitor), postgres.Options{MaxConns: 2})
	require.NoError(w.t, err)
	registry := prometheus.NewRegistry()
	c := Config{
		Pool: pool, System: telemetry.NewSystem(registry), Logger: slog.New(slog.DiscardHandler), Interval: 5 * time.Millisecond,
		Categories: []string{"mathematics", "历史"}, Views: []View{{"goal", 1}, {"user", 1}},
		Stream: func(context.Context) (uint64, error) { return 0, errors.New("no NATS") },
	}
	if adapt != nil {
		adapt(&c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- New(c).Run(ctx) }()
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(w.t, testkit.Receive(w.t, done))
			pool.Close()
		}
	}
	w.t.Cleanup(stop)
	return watcher{registry, stop}
}

// page is what the monitor tells, a line a series.
func (x watcher) page(t *testing.T) string {
	t.Helper()
	families, err := x.registry.Gather()
	require.NoError(t, err)
	var b strings.Builder
	for _, f := range families {
		for _, m := range f.GetMetric() {
			b.WriteString(f.GetName())
			for _, l := range m.GetLabel() {
				b.WriteString(" " + l.GetValue())
			}
			fmt.Fprintf(&b, " = %.0f\n", m.GetGauge().GetValue()+m.GetCounter().GetValue())
		}
	}
	return b.String()
}

// tells waits until the page has every line.
func (x watcher) tells(t *testing.T, lines ...string) {
	t.Helper()
	testkit.Eventually(t, func() error {
		page := x.page(t)
		for _, line := range lines {
			if !strings.Contains("\n"+page, "\n"+line+"\n") {
				return fmt.Errorf("no %q in\n%s", line, page)
			}
		}
		return nil
	})
}

var (
	registered  = events.NameOf[events.UserRegistered]()
	suspended   = events.NameOf[events.UserSuspended]()
	reactivated = events.NameOf[events.UserReactivated]()
	erased      = events.NameOf[events.UserErased]()
	created     = events.NameOf[events.GoalCreated]()
)

func TestFiguresAreTrueAndToldByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 5 {
		w.add(registered, `{"role":"learner"}`, 0)
	}
	w.add(suspended, `{}`, 0)
	w.add(suspended, `{}`, 0)
	w.add(reactivated, `{}`, 0)
	w.add(erased, `{"from":"active","role":"learner"}`, 0)
	w.add(erased, `{"from":"suspended","role":"learner"}`, 0)
	for _, category := range []string{"mathematics", "mathematics", "历史", "cooking", ""} {
		w.add(created, `{"title":"x","visibility":"private","category":"`+category+`"}`, 0)
	}
	w.add(created, `{"title":"x","visibility":"private"}`, 0)
	// Texts that look like members, and letters that are written as escapes.
	w.add(created, `{"title":"\"category\":\"历史\"","visibility":"private","category":"mathematics"}`, 0)
	w.add(created, `{"title":"x","visibility":"private","category":"\u006dathematics"}`, 0)
	w.add(created, `{"title":"\"category\":\"mathematics\"","visibility":"private"}`, 0)
	want := []string{
		"active_users_total = 3", "learning_goals_created_total mathematics = 4", "learning_goals_created_total 历史 = 1",
		"learning_goals_created_total other = 4", "sical_log_position = 19",
	}
	first := w.watch(nil)
	first.tells(t, want...)
	second := w.watch(nil)
	w.add(created, `{"title":"x","visibility":"private","category":"历史"}`, 0)
	want[2], want[4] = "learning_goals_created_total 历史 = 2", "sical_log_position = 20"
	first.tells(t, want...)
	require.Empty(t, second.page(t), "one tells, or three replicas would add up")

	first.stop()
	require.Empty(t, first.page(t))
	second.tells(t, want...)
	second.stop()

	anew := w.watch(func(c *Config) { c.Categories = []string{"cooking"} })
	anew.tells(t, "learning_goals_created_total cooking = 1", "learning_goals_created_total other = 9", "active_users_total = 3")

	// A log restored to an earlier point is another history.
	w.exec(`delete from sical.events where position > 10`)
	w.exec(`update sical.log set incarnation = gen_random_uuid()`)
	anew.tells(t, "learning_goals_created_total cooking = 0", "active_users_total = 3", "sical_log_position = 10")
}

// Lag is of what is read, whoever works on it or does not, and NATS away is no excuse.
func TestLagIsToldFromBeside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 10 {
		w.add(registered, `{"role":"learner"}`, time.Duration(1000-100*i)*time.Second)
	}
	for view, position := range map[string]int{"goal": 7, "user": 10} {
		w.exec(`insert into sical.view_version (view, version, serving) values ($1, 1, 2), ($1, 99, 1)`, view)
		w.exec(`insert into sical.projection (view, version, build, shard, position, incarnation)
			values ($1, 1, 2, 0, $2, gen_random_uuid()), ($1, 1, 2, 1, 10, gen_random_uuid()), -- a view is where its last shard is
				($1, 1, 1, 0, 1, gen_random_uuid()), ($1, 99, 1, 0, 2, gen_random_uuid()) -- neither read nor known here
		`, view, position)
	}
	last, away := uint64(4), false
	x := w.watch(func(c *Config) {
		c.Stream = func(ctx context.Context) (uint64, error) {
			if away { // as the client waits for its next connection
				<-ctx.Done()
				return 0, ctx.Err()
			}
			away = true
			return last, nil
		}
	})
	x.tells(t, "sical_view_lag_events goal = 3", "sical_view_lag_events user = 0", "sical_view_lag_seconds user = 0",
		"sical_view_state live goal = 1", "sical_relay_lag_events = 6")
	require.Regexp(t, `sical_view_lag_seconds goal = 3\d\d\n`, x.page(t))
	require.Regexp(t, `sical_relay_lag_seconds = 6\d\d\n`, x.page(t))
	w.exec(`update sical.projection set state = 'paused' where view = 'goal' and build = 2 and shard = 1`)
	w.add(registered, `{"role":"learner"}`, 0)
	x.tells(t, "sical_view_state paused goal = 1", "sical_view_state live goal = 0", "sical_view_lag_events goal = 4", "sical_relay_lag_events = 7")
}

// TestCountingTakesWhatTimeThereIs: what could not be counted in time is not tried again as
// it was, and is counted all the same.
func TestCountingTakesWhatTimeThereIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const all = least + 5
	w.exec(`insert into sical.events (position, event_id, stream, version, type, schema, data, metadata, owner, final, occurred_at, recorded_at)
		select n, gen_random_uuid(), 'x-' || n, 1, 'user.registered', 1, '{}', '{}', gen_random_uuid(), false, now(), now() from generate_series(1, $1::bigint) n`, all)
	conn, err := pgx.Connect(t.Context(), w.db.URL(postgres.RoleMonitor))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	m := New(Config{Logger: slog.New(slog.DiscardHandler)})
	m.page = 2*least - 1
	slow, err := w.conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = slow.Exec(t.Context(), `lock table sical.tally`)
	require.NoError(t, err)
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = m.count(short, conn, &telemetry.Figures{})
	require.Error(t, err)
	if conn.IsClosed() { // the server is told of it in the background, and may not count on before
		testkit.Receive(t, conn.PgConn().CleanupDone())
	}
	require.NoError(t, slow.Rollback(t.Context()))

	if conn.IsClosed() {
		conn, err = pgx.Connect(t.Context(), w.db.URL(postgres.RoleMonitor))
		require.NoError(t, err)
	}
	var f telemetry.Figures
	more, err := m.count(t.Context(), conn, &f)
	require.NoError(t, err)
	require.True(t, more)
	require.EqualValues(t, least, f.ActiveUsers)
	more, err = m.count(t.Context(), conn, &f)
	require.NoError(t, err)
	require.False(t, more)
	require.EqualValues(t, all, f.ActiveUsers)
}

// Losing the database withdraws what is no longer known; it comes back by itself.
func TestMonitorSurvivesTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(registered, `{"role":"learner"}`, 0)
	proxy := testkit.Proxy(t, w.db.Socket())
	x := w.watch(func(c *Config) {
		pool, err := postgres.Open(t.Context(), w.db.Through(proxy, postgres.RoleMonitor), postgres.Options{MaxConns: 2})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		c.Pool.Close()
		c.Pool = pool
	})
	x.tells(t, "active_users_total = 1")
	proxy.Refuse(true)
	proxy.Cut()
	testkit.Eventually(t, func() error {
		if page := x.page(t); page != "" {
			return errors.New(page)
		}
		return nil
	})
	proxy.Refuse(false)
	x.tells(t, "active_users_total = 1")
}
