package projector

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// silencing has a proxy fall silent, once it is armed, when a statement is about to be sent
// that begins with a text.
type silencing struct {
	proxy *testkit.FaultyProxy
	at    string
	armed atomic.Bool
}

func (s *silencing) sent(sql string) {
	if strings.HasPrefix(sql, s.at) && s.armed.CompareAndSwap(true, false) {
		s.proxy.Blackhole(true)
	}
}

func (s *silencing) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	s.sent(q.SQL)
	return ctx
}

func (s *silencing) TraceBatchStart(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchStartData) context.Context {
	s.sent(b.Batch.QueuedQueries[0].SQL)
	return ctx
}

func (*silencing) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (*silencing) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*silencing) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// A database that falls silent while what is parked is tried again is given up, and with it the
// turn at the database; once it is back, the unit goes on from there.
func TestSilentDatabaseHoldsNoRetry(t *testing.T) {
	t.Parallel()
	v := projections.Goal.View
	for _, at := range []string{"-- load parked", "-- load " + v.Name, "-- move projection"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			silence := &silencing{proxy: testkit.Proxy(t, w.db.Socket()), at: at}
			pool, err := postgres.Open(t.Context(), w.db.Through(silence.proxy, postgres.RoleProjector), postgres.Options{MaxConns: 8, Tracer: silence})
			require.NoError(t, err)
			t.Cleanup(pool.Close)
			var log testkit.Log
			p := w.projector(func(c *Config) {
				c.Pool, c.Logger = pool, slog.New(slog.NewTextHandler(&log, nil))
			}, v)
			p.patience = time.Second
			w.runs(p)
			w.some(20)
			owner := w.id()
			mend := w.broken(events.StreamOf(events.KindGoal, w.id()), owner, &events.GoalCreated{Title: "学习", Visibility: events.Public})
			w.some(20)
			w.reaches(uint64(len(w.log)), v) // and there is nothing left to save
			w.parks(v, 1)
			mend()

			before := 0 // it was interrupted until the silence: a statement may take too long by itself
			silence.armed.Store(true)
			require.NoError(t, Retry(t.Context(), w.admin, v, ""))
			testkit.Eventually(t, func() error {
				interrupted := log.Count("view interrupted")
				if silence.armed.Load() {
					before = interrupted
					return errors.New("it is not tried again")
				}
				if interrupted == before {
					return errors.New("it is waited for")
				}
				return nil
			})
			silence.proxy.Blackhole(false)
			w.parks(v, 0)
			w.exact(v)
		})
	}
}
