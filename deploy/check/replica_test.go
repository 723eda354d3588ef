package check

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/embedded"
	"sical-backend/internal/testkit"
)

// replica is a server that follows the other by streaming, and its host and port.
func (w *world) replica() (*embedded.Instance, string) {
	w.t.Helper()
	require.NoError(w.t, os.Mkdir(filepath.Join(w.dir, "replica"), 0o711)) // as w.dir
	w.backUp(backupTool(w.t), "replica/"+filepath.Base(w.cluster()), "--write-recovery-conf")
	instance := w.postgresIn("replica", nil)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // nothing to save
		_ = instance.Close(ctx)
	})
	cfg, err := pgx.ParseConfig(instance.Postgres.AdminURL)
	require.NoError(w.t, err)
	return instance, testkit.Proxy(w.t, cfg.Host+"/.s.PGSQL.5432").Address
}

// TestQueriesOnAReplica has the query role read a server that follows: what is asked for is
// waited for, what stands still is told, and what has ended ends there too.
func TestQueriesOnAReplica(t *testing.T) {
	setPasswords(t)
	w := newWorld(t)
	c := composed(t)
	run(t, binary(t), w.here(c["migrate"].env), c["migrate"].args...)
	replica, address := w.replica()
	c["query"].env["SICAL_POSTGRES_URL"] = strings.Replace(c["query"].env["SICAL_POSTGRES_URL"], "@postgres:5432", "@"+address, 1)
	roles := w.startAll(c)
	ana := register(t, gateway(t, roles[:1], roles[1:2]), "ana")
	read := func(made map[string]any) error {
		_, err := ana.do("GET", "/v1/goals/"+made["id"].(string), "", "Sical-Min-Position", position(made), "Prefer", "wait=5")
		return err
	}
	require.NoError(t, read(ana.call(t, "POST", "/v1/goals", `{"title":"学会图论"}`)))

	ticket := ana.call(t, "POST", "/v1/stream-tickets", "")["ticket"].(string)
	_, err := (&visitor{api: ana.api}).try("GET", "/v1/stream?view=statistics&ticket="+ticket, "") // with a token it would go on
	assert.ErrorContains(t, err, "send a token instead")

	sqlOn(t, replica, `select pg_wal_replay_pause()::text`)
	late := ana.call(t, "POST", "/v1/goals", `{"title":"it comes later"}`)
	_, err = ana.try("GET", "/v1/goals/"+late["id"].(string), "", "Sical-Min-Position", position(late), "Prefer", "wait=1")
	require.ErrorContains(t, err, "not_caught_up")
	lag := regexp.MustCompile(`(?m)^sical_revocation_lag_seconds (\S+)$`)
	testkit.Eventually(t, func() error { // though each look at it succeeds
		found := lag.FindStringSubmatch(roles[1].metrics(t))
		if seconds, err := strconv.ParseFloat(found[1], 64); err != nil || seconds < 4 {
			return fmt.Errorf("it lags by %s s: %v", found[1], err)
		}
		return nil
	})
	sqlOn(t, replica, `select pg_wal_replay_resume()::text`)
	require.NoError(t, read(late))

	_, _ = ana.try("DELETE", "/v1/sessions/current", "") // whose answer has no body
	testkit.Eventually(t, func() error {
		if _, err := ana.try("GET", "/v1/users/me", ""); err == nil || !strings.Contains(err.Error(), "401") {
			return fmt.Errorf("the session has ended, and reads: %v", err)
		}
		return nil
	})
}

// metrics are what a process tells of itself.
func (p *process) metrics(t *testing.T) string {
	t.Helper()
	response, err := http.Get("http://" + p.env["SICAL_ADMIN_LISTEN"] + "/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}
