package monitor

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// tries counts how often a monitor asked whether it is the one to watch.
type tries struct{ atomic.Int64 }

func (n *tries) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if strings.HasPrefix(q.SQL, "-- lock monitor") {
		n.Add(1)
	}
	return ctx
}

func (*tries) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// more waits for so many more tries.
func (n *tries) more(t *testing.T, many int64) {
	t.Helper()
	from := n.Load()
	testkit.Eventually(t, func() error {
		if now := n.Load(); now < from+many {
			return fmt.Errorf("%d tries, of %d", now-from, many)
		}
		return nil
	})
}

// A monitor that finds nothing out says so, once until it does again; one beside which another
// watches has nothing to say.
func TestTroubleIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(registered, `{"role":"learner"}`, 0)
	watch := func() (watcher, *tries, *bytes.Buffer) {
		asked, log := &tries{}, &bytes.Buffer{}
		pool, err := postgres.Open(t.Context(), w.db.URL(postgres.RoleMonitor), postgres.Options{MaxConns: 2, Tracer: asked})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		return w.watch(func(c *Config) {
			c.Pool.Close()
			c.Pool, c.Logger = pool, slog.New(slog.NewTextHandler(log, nil))
		}), asked, log
	}
	first, asked, log := watch()
	first.tells(t, "active_users_total = 1")
	second, also, beside := watch()
	also.more(t, 3)
	second.stop()
	require.Empty(t, beside.String())

	for range 2 {
		w.exec(`alter table sical.projection rename to gone`)
		asked.more(t, 4)
		w.exec(`alter table sical.gone rename to projection`)
		first.tells(t, "active_users_total = 1")
	}
	first.stop()
	require.Equal(t, 2, strings.Count(log.String(), "monitor: nothing is found out"), "%s", log)
	require.Contains(t, log.String(), "level=WARN")
}
