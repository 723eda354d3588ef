package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/testkit"
	"sical-backend/internal/web"
)

// adapted has the node read through a pool like its own, changed.
func (w *world) adapted(change func(*pgxpool.Config)) {
	w.t.Helper()
	w.queries = w.pool(change)
	w.serve(w.queries)
}

// pool is one like the node's own, changed.
func (w *world) pool(change func(*pgxpool.Config)) *pgxpool.Pool {
	w.t.Helper()
	cfg := w.queries.Config().Copy()
	change(cfg)
	pool, err := pgxpool.NewWithConfig(w.t.Context(), cfg)
	require.NoError(w.t, err)
	w.t.Cleanup(pool.Close)
	return pool
}

// astray has connections made to where nobody listens.
func astray(cfg *pgxpool.Config) {
	cfg.ConnConfig.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:1")
	}
}

// waitedFor waits until somebody waits for a table that is locked.
func (w *world) waitedFor(table string) {
	w.t.Helper()
	w.eventually(func() error {
		waiting, err := w.waitingFor(table)
		if err == nil && waiting == 0 {
			err = errors.New("nobody asks " + table)
		}
		return err
	})
}

// waitingFor counts who waits for a table that is locked: of this database, as pg_locks has
// those of all, and a table has the same number in each copy of a database.
func (w *world) waitingFor(table string) (waiting int, err error) {
	err = w.admin.QueryRow(w.t.Context(), `select count(*) from pg_locks
		where not granted and relation = $1::regclass and database = (select oid from pg_database where datname = current_database())`, table).Scan(&waiting)
	return waiting, err
}

// unavailable checks that a question is answered with "try again".
func (w *world) unavailable(target, token string) {
	w.t.Helper()
	got := w.get(target, token)
	assert.Equal(w.t, http.StatusServiceUnavailable, got.status, got.body)
	assert.Contains(w.t, got.body, `"code":"unavailable"`)
	assert.Regexp(w.t, "^[1-5]$", got.header.Get("Retry-After"))
}

// TestDatabaseIsAway: what is not in memory is answered with "try again", as commands
// are.
func TestDatabaseIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ann := w.register("ann")
	w.project()
	w.adapted(astray)
	for _, target := range []string{"/v1/users/me", "/v1/paths", "/v1/users/me?as_of=1", "/v1/users/me?as_of=2026-03-01T08:30:00Z"} {
		w.unavailable(target, token(ann, events.Learner))
	}
}

// TestDatabaseIsTooSlow: a statement that was cut off by its time is no failure that
// somebody has to look into.
func TestDatabaseIsTooSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ann := w.register("ann")
	w.project()
	w.adapted(func(cfg *pgxpool.Config) { cfg.ConnConfig.RuntimeParams["statement_timeout"] = "50ms" })
	w.db.Locked(t, "sical.projection", "sical.events")
	for _, target := range []string{"/v1/users/me", "/v1/paths", "/v1/users/me?as_of=1"} {
		w.unavailable(target, token(ann, events.Learner))
	}
}

// TestClientLeaves: whoever leaves while the database works has not met a failure.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ann := w.register("ann")
	w.project()
	w.db.Locked(t, "sical.events")
	ctx, leave := context.WithCancel(t.Context())
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/users/me?as_of=2026-03-01T08:30:00Z", nil)
	request.Header.Set("Authorization", "Bearer "+token(ann, events.Learner))
	recorder := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.server.ServeHTTP(recorder, request)
	}()
	w.waitedFor("sical.events")
	leave()
	testkit.Receive(t, done)
	assert.Equal(t, 499, recorder.Code, recorder.Body.String())
}

// vain waits in vain.
type vain struct {
	Waiter
	err error
}

func (v vain) Wait(context.Context, []string, uint64, time.Duration) error { return v.err }

// TestWaitThatFails: only a view that did not come in time is said to be late. Whatever else a
// wait ends by is answered as what it is.
func TestWaitThatFails(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, Usual)
	positions := s.api.waiter
	has := StreamPath + "?view=statistics&last_event_id=" + s.incarnation().String() + ".1.other"
	for _, c := range []struct {
		err    error
		status int
		code   web.Code
	}{
		{context.DeadlineExceeded, http.StatusServiceUnavailable, web.NotCaughtUp},
		{&pgconn.PgError{Code: "57P03"}, http.StatusServiceUnavailable, web.Unavailable},
		{&pgconn.PgError{Code: "42501"}, http.StatusInternalServerError, web.Internal},
	} {
		s.api.waiter = vain{positions, c.err}
		for _, got := range []answer{s.get("/v1/statistics", "", minPosition, "1000"), s.get(has, s.as(s.ann))} {
			require.Equal(t, c.status, got.status, "%v: %s", c.err, got.body)
			require.Equal(t, string(c.code), problemCode(t, got))
		}
	}
}
