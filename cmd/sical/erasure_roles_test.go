package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// role is a process of one role on what others run, and whoever talks to it.
func role(t *testing.T, c Config, start func(*App, context.Context) error) *system {
	t.Helper()
	c.Listen, c.AdminListen, c.MaxConns, c.CacheBytes = "127.0.0.1:0", "127.0.0.1:0", cmp.Or(c.MaxConns, 6), 1<<24
	a := newApp(c, slog.New(slog.DiscardHandler))
	a.hashing = cheap
	t.Cleanup(a.Close)
	require.NoError(t, a.join(t.Context()))
	require.NoError(t, start(a, t.Context()))
	require.NoError(t, a.open())
	contract, err := readContract()
	require.NoError(t, err)
	return (&system{app: a, url: a.publicURL, contract: contract}).by(t)
}

// An erasure reaches the memory of every process also while nothing is projected: no
// view tells of it then.
func TestErasedPersonIsForgottenWithoutProjectors(t *testing.T) {
	t.Parallel()
	c := Config{DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL}
	command := role(t, c, (*App).startCommand)
	query := role(t, c, (*App).startQuery)
	testkit.Eventually(t, func() error { // on a slow machine Postgres may take longer than /ready waits
		status, body := query.asked("/ready")
		require.Equal(t, http.StatusServiceUnavailable, status)
		if !strings.Contains(body, `"hot answers":"the views have not been heard of yet"`) {
			return errors.New(body)
		}
		return nil
	})
	projector := role(t, c, (*App).startProjecting)
	query.becomes(http.StatusOK)
	require.NotZero(t, query.sums()["sical_cache_answers_total"], "what is hot is remembered before anybody asks")
	p := newProtected(command)
	query.position = command.position
	p.system = query
	require.NotEmpty(t, found(p.everyAnswer(p.victimToken)), "the canaries are to be seen before")
	require.NotEmpty(t, found(p.everyAnswer(p.admin)), "by others, too")

	require.NotZero(t, query.sums()["sical_rows_remembered"], "rows that said what else to read for the answers")

	projector.app.Close()
	command.do(http.MethodDelete, "/v1/users/"+p.victim, p.victimToken, "")
	testkit.Eventually(t, func() error {
		if rows := query.sums()["sical_rows_remembered"]; rows > 0 {
			return fmt.Errorf("%v rows are remembered", rows)
		}
		return nil
	})
	for who, token := range map[string]string{"nobody": "", "another": p.other, "an admin": p.admin} {
		testkit.Eventually(t, func() error {
			if left := found(p.everyAnswer(token)); len(left) > 0 {
				return fmt.Errorf("%s sees %v", who, left)
			}
			return nil
		})
	}
}
