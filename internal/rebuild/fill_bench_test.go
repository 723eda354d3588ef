package rebuild

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/heap"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// BenchmarkFill fills the largest view from a log of 1,000,000 events into
// 200,000 rows, each round beside the same events merely read and decoded. Required are half of that rate, and
// 100,000 events a second.
func BenchmarkFill(b *testing.B) {
	const n = 1_000_000
	db := testkit.DurablePostgres(b).Database(b, migrated)
	admin, err := postgres.Open(b.Context(), db.AdminURL, postgres.Options{})
	require.NoError(b, err)
	defer admin.Close()
	study(b, admin, n, 10_000, 20)
	_, err = admin.Exec(b.Context(), `vacuum analyze sical.events`)
	require.NoError(b, err)
	pool, err := postgres.Open(b.Context(), db.URL(postgres.RoleProjector), postgres.Options{Params: map[string]string{"synchronous_commit": "off"}})
	require.NoError(b, err)
	defer pool.Close()
	log := eventlog.NewReader(pool)
	v := projections.Progress.View

	var reading, filling time.Duration
	number := 0
	for b.Loop() {
		begun := time.Now()
		count := 0
		require.NoError(b, log.Scan(b.Context(), 0, n, v.Events, func(block eventlog.Block) error {
			return block.Each(func(e *events.Event) (err error) {
				count++
				e.Data, err = events.Decode(e.Type, e.Schema, e.Raw)
				return err
			})
		}))
		require.Equal(b, n, count)
		reading += time.Since(begun)

		begun = time.Now()
		widen := heap.Fill(128 << 20)
		number++
		f := &fill{
			pool: pool, log: log, view: v, build: v.Build(number), shards: 1, to: n, memory: 128 << 20,
			pace: unhurried{}, progress: newProgress(n, 0), record: func(context.Context, pgx.Tx, share) error { return nil },
			filled: func(context.Context, pgx.Tx) error { return nil },
		}
		require.NoError(b, pgx.BeginFunc(b.Context(), pool, func(tx pgx.Tx) error { return f.prepare(b.Context(), tx) }))
		require.NoError(b, f.run(b.Context(), whole))
		folded := time.Since(begun)
		require.NoError(b, f.finish(b.Context()))
		filling += time.Since(begun)
		widen()
		b.Log("read", reading/time.Duration(number), "folded", folded, "filled", time.Since(begun))
	}
	b.ReportMetric(n*float64(number)/filling.Seconds(), "events/s")
	b.ReportMetric(n*float64(number)/reading.Seconds(), "read-events/s")
	b.ReportMetric(reading.Seconds()/filling.Seconds(), "of-reading")
	b.ReportMetric(0, "ns/op")
	testkit.AtLeast(b, "of the rate of reading and decoding", reading.Seconds()/filling.Seconds(), .5)
	testkit.AtLeast(b, "events a second", n*float64(number)/filling.Seconds(), 100_000)
}

// study fills a log with n events of study by so many learners, each on so many
// points: the mix of the largest view.
func study(t testing.TB, pool *pgxpool.Pool, n, learners, points int) {
	t.Helper()
	_, err := pool.Exec(t.Context(), fmt.Sprintf(`
		insert into sical.events (position, event_id, stream, version, type, schema, data, metadata, owner, final, occurred_at, recorded_at)
		select i, md5('e' || i)::uuid, 'study-' || learner, 1 + i, 'study.studied', 1,
			json_build_object('point', md5('p' || (i / %[2]d) %% %[3]d)::uuid, 'amount', 1 + i %% 50, 'kind', 'clicks'),
			'{"actor":"0190a000-0000-7000-8000-000000000001","command":"0190a000-0000-7000-8000-000000000002"}',
			learner, false, '2026-01-01'::timestamptz + i * interval '1 second', '2026-01-01'::timestamptz + i * interval '1 second'
		from (select i, md5('l' || i %% %[2]d)::uuid as learner from generate_series(1, %[1]d) i) made
		order by i`, n, learners, points))
	require.NoError(t, err)
}

type unhurried struct{}

func (unhurried) wait(context.Context, int, time.Duration) error { return nil }
