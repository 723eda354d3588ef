package monitor

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// more waits until a monitor has asked so many more times whether it is the one to watch.
func more(t *testing.T, asked *testkit.Queries, many int64) {
	t.Helper()
	from := asked.Load()
	testkit.Eventually(t, func() error {
		if now := asked.Load(); now < from+many {
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
	watch := func() (watcher, *testkit.Queries, *bytes.Buffer) {
		asked, log := &testkit.Queries{Of: "-- lock monitor"}, &bytes.Buffer{}
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
	more(t, also, 3)
	second.stop()
	require.Empty(t, beside.String())

	for range 2 {
		w.exec(`alter table sical.projection rename to gone`)
		more(t, asked, 4)
		// As the server has, for a while, what a closed connection held: that ends no trouble.
		w.exec(`select pg_advisory_lock(hashtext('sical monitor'))`)
		more(t, asked, 2)
		w.exec(`select pg_advisory_unlock(hashtext('sical monitor'))`)
		more(t, asked, 2)
		w.exec(`alter table sical.gone rename to projection`)
		first.tells(t, "active_users_total = 1")
	}
	first.stop()
	require.Equal(t, 2, strings.Count(log.String(), "monitor: nothing is found out"), "%s", log)
	require.Contains(t, log.String(), "level=WARN")
}
