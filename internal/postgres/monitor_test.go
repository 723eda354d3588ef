package postgres_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// watched is a pool on a database of its own, with what its monitor says.
type watched struct {
	*pgxpool.Pool
	registry *prometheus.Registry
	log      *testkit.Log
}

func watch(t *testing.T, slow time.Duration) watched {
	t.Helper()
	w := watched{registry: prometheus.NewRegistry(), log: &testkit.Log{}}
	pool, err := postgres.Open(t.Context(), testkit.Database(t, nil).AdminURL, postgres.Options{MaxConns: 2, Tracer: &postgres.Monitor{
		Metrics: telemetry.NewDatabase(w.registry), Logger: slog.New(slog.NewJSONHandler(w.log, nil)), Slow: slow,
	}})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	w.Pool = pool
	return w
}

// count is how many statements have ended so.
func (w watched) count(t *testing.T, operation, table, status string) float64 {
	t.Helper()
	return w.total(t, "db_queries_total", map[string]string{"operation": operation, "table": table, "status": status})
}

// total is what a counter says, or how many a histogram has observed, with these labels.
func (w watched) total(t *testing.T, name string, want map[string]string) (n float64) {
	t.Helper()
	families, err := w.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if maps.Equal(labels, want) {
				n += m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return n
}

func TestStatementsCountByName(t *testing.T) {
	t.Parallel()
	w, ctx := watch(t, 0), t.Context()
	_, err := w.Exec(ctx, "create table thing_v3_b12 (id int)")
	require.NoError(t, err)
	_, err = w.Exec(ctx, "-- add thing\ninsert into thing_v3_b12 select generate_series(1, $1)", 3)
	require.NoError(t, err)
	var none int
	require.ErrorIs(t, w.QueryRow(ctx, "-- find thing\nselect id from thing_v3_b12 where id = $1", 9).Scan(&none), pgx.ErrNoRows)
	_, err = w.Exec(ctx, "-- add thing\ninsert into thing_v3_b12 values ($1 / 0)", 1)
	require.Error(t, err)

	tx, err := w.Begin(ctx)
	require.NoError(t, err)
	copied, err := tx.CopyFrom(ctx, pgx.Identifier{"thing_v3_b12"}, []string{"id"}, pgx.CopyFromRows([][]any{{7}, {8}}))
	require.NoError(t, err)
	require.EqualValues(t, 2, copied)
	batch := &pgx.Batch{}
	batch.Queue("-- find thing\nselect id from thing_v3_b12")
	batch.Queue("-- drop thing\ndelete from thing_v3_b12 where id = $1", 7)
	require.NoError(t, tx.SendBatch(ctx, batch).Close())
	require.NoError(t, tx.Rollback(ctx))

	for name, want := range map[[3]string]float64{
		{"unnamed", "unnamed", "ok"}: 1, {"add", "thing", "ok"}: 1, {"add", "thing", "error"}: 1, {"find", "thing", "ok"}: 2,
		{"drop", "thing", "ok"}: 1, {"copy", "thing", "ok"}: 1, {"begin", "none", "ok"}: 1, {"rollback", "none", "ok"}: 1,
	} {
		require.InDelta(t, want, w.count(t, name[0], name[1], name[2]), 0, "%v", name)
	}
}

// Whoever hangs up is no failure of the database, nor does the log say so.
func TestCancelledIsNoError(t *testing.T) {
	t.Parallel()
	w := watch(t, time.Nanosecond)
	conn, err := w.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err = conn.Exec(ctx, "-- wait none\nselect pg_sleep(30)")
	require.Error(t, err)
	require.InDelta(t, 1, w.count(t, "wait", "none", "cancelled"), 0)
	require.InDelta(t, 0, w.count(t, "wait", "none", "error"), 0)
	require.Contains(t, w.log.String(), `"statement":"wait none"`)
	require.Contains(t, w.log.String(), `"failed":false,"cancelled":true`)
}

func TestSlowStatementsAreLoggedWithoutValues(t *testing.T) {
	t.Parallel()
	w := watch(t, 30*time.Millisecond)
	_, err := w.Exec(t.Context(), "-- nap thing\nselect 'canary-text', $1::text, pg_sleep(0.05) from generate_series(1, 1)", "canary-value")
	require.NoError(t, err)
	said := w.log.String()
	require.Contains(t, said, `"statement":"nap thing"`)
	require.Contains(t, said, `"rows":1`)
	require.NotContains(t, said, "canary")
	require.InDelta(t, 1, w.count(t, "nap", "thing", "ok"), 0)
	require.InDelta(t, 1, w.total(t, "db_query_duration_seconds", map[string]string{"operation": "nap", "table": "thing"}), 0)
	require.InDelta(t, 1, w.total(t, "sical_db_slow_queries_total", map[string]string{}), 0)

	patient := watch(t, time.Hour)
	_, err = patient.Exec(t.Context(), "-- quick thing\nselect 1")
	require.NoError(t, err)
	require.Empty(t, patient.log.String())
}

// A statement named by mistake after what it is asked for must not cost memory.
func TestStatementNamesAreBounded(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	d := telemetry.NewDatabase(registry)
	name := func(i int) string {
		return "read " + string([]byte{'a' + byte(i/676%26), 'a' + byte(i/26%26), 'a' + byte(i%26)})
	}
	for i := range 5_000 {
		d.Statement(name(i)).Done(telemetry.OK, time.Millisecond)
		d.Statement(fmt.Sprintf("find user_%d", i)).Done(telemetry.OK, time.Millisecond)
	}
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		require.LessOrEqual(t, len(f.GetMetric()), 3*300, f.GetName())
	}
}

// What watching a statement costs, beside the 100 microseconds it takes.
func BenchmarkMonitor(b *testing.B) {
	m := &postgres.Monitor{Metrics: telemetry.NewDatabase(prometheus.NewRegistry()), Logger: slog.New(slog.DiscardHandler), Slow: time.Second}
	data := pgx.TraceQueryStartData{SQL: "-- append events\nselect 1"}
	b.ReportAllocs()
	for b.Loop() {
		m.TraceQueryEnd(m.TraceQueryStart(b.Context(), nil, data), nil, pgx.TraceQueryEndData{})
	}
}
