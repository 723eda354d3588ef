package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// behind serves on a database that is reached through a proxy.
func behind(t *testing.T) (*system, *testkit.DB, *testkit.FaultyProxy) {
	db := testkit.Database(t, migrated)
	owner, err := pgx.ParseConfig(db.AdminURL)
	require.NoError(t, err)
	proxy := testkit.Proxy(t, db.Socket())
	c := Config{DataDir: t.TempDir(), PostgresURL: db.Through(proxy, owner.User), NATSURL: testkit.NATS(t).URL}
	return serveOn(t, c, slog.New(slog.DiscardHandler)), db, proxy
}

// Whatever it is that the command side is asked for, a database that is silent has it
// answered, before the server cuts the connection, and done once when it is asked again.
func TestSilentDatabaseIsAnswered(t *testing.T) {
	t.Parallel()
	s, _, proxy := behind(t)
	id, token, refresh := s.account("ada")
	goal := s.do(http.MethodPost, "/v1/goals", token, `{"title":"here"}`)
	proxy.Blackhole(true)
	s.unavailable(goal, token, refresh)
	proxy.Blackhole(false)
	s.onceMore(id, token)
}

// A database that answers but where everybody waits for a lock is no other case.
func TestLockedDatabaseIsAnswered(t *testing.T) {
	t.Parallel()
	s, db, _ := behind(t)
	id, token, refresh := s.account("ada")
	goal := s.do(http.MethodPost, "/v1/goals", token, `{"title":"here"}`)
	unlock := db.Locked(t, "sical.log", "sical.events", "sical.claim", "sical.session", "sical.refresh_token", "sical.stream_ticket")
	s.unavailable(goal, token, refresh)
	unlock()
	s.onceMore(id, token)
}

// again is the Idempotency-Key of the goal that is asked for twice.
const again = "again"

// unavailable asks for all that the command side does, at once, and is told each time
// that it cannot be done just now.
func (s *system) unavailable(goal, token, refresh string) {
	const post, created = http.MethodPost, `{"type":"goal.create","id":%q,"data":{"id":%q,"title":"in a batch"}}`
	lines := fmt.Sprintf(created+`,`+created, uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString())
	var all sync.WaitGroup
	for _, c := range []struct{ method, path, token, body string }{
		{post, "/v1/goals", token, `{"title":"again"}`},
		{http.MethodPatch, "/v1/goals/" + goal, token, `{"title":"there"}`},
		{post, "/v1/users", "", fmt.Sprintf(`{"username":"eve","email":"eve@example.org","password":%q}`, password)},
		{post, "/v1/users/me/password", token, fmt.Sprintf(`{"current_password":%q,"new_password":"another one of twenty"}`, password)},
		{post, "/v1/sessions", "", fmt.Sprintf(`{"username":"ada","password":%q}`, password)},
		{post, "/v1/sessions/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, refresh)},
		{http.MethodDelete, "/v1/sessions/current", token, ""},
		{post, "/v1/stream-tickets", token, ""},
	} {
		all.Go(func() {
			r := s.insists(c.method, c.path, c.token, c.body, "Idempotency-Key", again)
			assert.Equal(s.t, http.StatusServiceUnavailable, r.status, "%s %s: %s", c.method, c.path, r.body)
			assert.NotEmpty(s.t, r.header.Get("Retry-After"))
		})
	}
	all.Go(func() {
		r := s.insists(post, "/v1/commands", token, `{"commands":[`+lines+`]}`)
		assert.Equal(s.t, http.StatusOK, r.status, r.body)
		assert.Equal(s.t, 2, strings.Count(r.body, `"status":503,"code":"unavailable"`), r.body)
	})
	all.Wait()
}

// insists is call where a machine that stands still for two seconds may answer too late.
func (s *system) insists(method, path, token, body string, headers ...string) reply {
	r, err := s.try(method, path, token, body, headers...)
	for tries := 2; err != nil && tries > 0; tries-- {
		r, err = s.try(method, path, token, body, headers...)
	}
	assert.NoError(s.t, err, "%s %s", method, path)
	return r
}

// perseveres is insists for a command that has to be carried out: where a machine stands still for
// longer, and it is told after some seconds that this cannot be done just now, it asks again, under
// the same key. Who is refused at once is so for another reason.
func (s *system) perseveres(method, path, token, body string) (r reply) {
	s.t.Helper()
	key := uuid.NewString()
	for range 3 {
		begun := time.Now()
		r = s.insists(method, path, token, body, "Idempotency-Key", key)
		if r.status != http.StatusServiceUnavailable || time.Since(begun) < 3*time.Second {
			break
		}
	}
	return r
}

// onceMore asks again for the goal, which must then be there once.
func (s *system) onceMore(user, token string) {
	testkit.Eventually(s.t, func() error {
		r := s.call(http.MethodPost, "/v1/goals", token, `{"title":"again"}`, "Idempotency-Key", again)
		if s.position = r.header.Get("Sical-Position"); r.status != http.StatusCreated {
			return fmt.Errorf("%d %s", r.status, r.body)
		}
		return nil
	})
	r := s.get("/v1/users/"+user+"/goals", token)
	require.Equal(s.t, http.StatusOK, r.status, r.body)
	require.Equal(s.t, 1, strings.Count(r.body, `"title":"again"`), r.body)
}
