package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// asked is what a health route of the admin listener answers.
func (s *system) asked(path string) (status int, body string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.app.adminURL+path, nil)
	require.NoError(s.t, err)
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return response.StatusCode, string(text)
}

// becomes waits until /ready answers with a status.
func (s *system) becomes(status int) (body string) {
	s.t.Helper()
	testkit.Eventually(s.t, func() error {
		got, text := s.asked("/ready")
		body = text
		if got != status {
			return fmt.Errorf("%d %s", got, text)
		}
		return nil
	})
	return body
}

// Losing NATS takes nobody out of service, losing Postgres does, and both are over by
// themselves. The process lives all the while.
func TestReadinessIsPostgresAlone(t *testing.T) {
	t.Parallel()
	db, bus := testkit.Database(t, migrated), testkit.NATS(t)
	owner, err := pgx.ParseConfig(db.AdminURL)
	require.NoError(t, err)
	proxy := testkit.Proxy(t, db.Socket())
	s := serveOn(t, Config{DataDir: t.TempDir(), PostgresURL: db.Through(proxy, owner.User), NATSURL: bus.URL}, slog.New(slog.DiscardHandler))
	s.becomes(http.StatusOK)
	bus.Stop()
	testkit.Eventually(t, func() error {
		if s.app.nats.IsConnected() {
			return errors.New("NATS is still there")
		}
		return nil
	})
	for _, path := range []string{"/ready", "/readyz"} { // still, or again where the database was slow to answer
		testkit.Eventually(t, func() error {
			if status, body := s.asked(path); status != http.StatusOK {
				return errors.New(body)
			}
			return nil
		})
	}
	bus.Start()
	proxy.Refuse(true)
	proxy.Cut()
	body := s.becomes(http.StatusServiceUnavailable)
	require.Contains(t, body, `"log":"unavailable: it does not answer"`)
	require.NotContains(t, body, "sical_", "no role, host or text of an error")
	for _, path := range []string{"/health", "/livez"} {
		status, body := s.asked(path)
		require.Equal(t, http.StatusOK, status, body)
	}
	proxy.Refuse(false)
	s.becomes(http.StatusOK)
}

// What a start needs is asked until the first yes, and never again.
func TestWarmUpGatesTheFirstReadinessOnly(t *testing.T) {
	t.Parallel()
	head, applied, built := uint64(10), uint64(0), false
	a := newApp(Config{AdminListen: "127.0.0.1:0", DataDir: t.TempDir(), NATSURL: testkit.NATS(t).URL}, slog.New(slog.DiscardHandler))
	t.Cleanup(a.Close)
	a.natsURL = a.NATSURL
	require.NoError(t, a.connect())
	var down error
	a.checks = []check{{"log", func(context.Context) error { return down }}}
	a.beginnings = []check{{"views", caughtUp(
		func(context.Context) (uint64, error) { return head, nil }, func() (string, uint64) { return "goal", applied },
		func(context.Context, string) (float64, bool, error) { return 42, !built, nil })}}
	require.NoError(t, a.open())
	s := &system{t: t, app: a}

	status, body := s.asked("/ready")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "the view goal is being built, 42 % of it are done")
	built, applied = true, 7
	status, body = s.asked("/ready")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "the view goal is behind what the log held at the start")
	head = 1000 // what comes while it catches up does not count
	applied = 10
	s.becomes(http.StatusOK)
	applied = 0
	s.becomes(http.StatusOK)
	down = errors.New("secret host and user")
	status, body = s.asked("/ready")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.NotContains(t, body, "secret")
	down = nil
	s.becomes(http.StatusOK)
	a.draining.Store(true)
	s.becomes(http.StatusServiceUnavailable)
}

// Health on the public listener is no principal's request: no limit reaches it.
func TestHealthIsNeverShed(t *testing.T) {
	t.Parallel()
	s := serveOn(t, Config{
		DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL,
		RateLimit: 1, RateBurst: 1,
	}, slog.New(slog.DiscardHandler))
	s.becomes(http.StatusOK)
	var all sync.WaitGroup
	for i := range 40 {
		path := []string{"/health", "/livez", "/ready", "/readyz"}[i%4]
		all.Go(func() {
			r, err := http.Get(s.url + path)
			if assert.NoError(t, err) {
				if strings.HasPrefix(path, "/ready") && r.StatusCode == http.StatusServiceUnavailable {
					body, _ := io.ReadAll(r.Body)
					assert.Contains(t, string(body), "not ready") // Postgres was slow to answer all of them
				} else {
					assert.Equal(t, http.StatusOK, r.StatusCode, path)
				}
				_ = r.Body.Close()
			}
		})
	}
	all.Wait()
	http.DefaultClient.CloseIdleConnections()
}

// Profiles, metrics and what operators may do are not for the public.
func TestOperatorsRoutesAreNotPublic(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline"} {
		status, _ := s.asked(path)
		require.Equal(t, http.StatusOK, status, path)
		response, err := http.Get(s.url + path)
		require.NoError(t, err)
		_ = response.Body.Close()
		require.Equal(t, http.StatusNotFound, response.StatusCode, path)
	}
	http.DefaultClient.CloseIdleConnections()
}
