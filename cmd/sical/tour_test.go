package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/testkit"
)

const password = "correct horse battery"

// account registers somebody and logs them in.
func (s *system) account(name string) (id, access, refresh string) {
	s.t.Helper()
	id = s.do(http.MethodPost, "/v1/users", "", fmt.Sprintf(`{"username":%q,"email":"%s@example.org","password":%q}`, name, name, password))
	r := s.call(http.MethodPost, "/v1/sessions", "", fmt.Sprintf(`{"username":%q,"password":%q}`, name, password))
	require.Equal(s.t, http.StatusCreated, r.status, r.body)
	require.Equal(s.t, "Bearer", r.field(s.t, "token_type"))
	return id, r.field(s.t, "access_token"), r.field(s.t, "refresh_token")
}

func TestTour(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	id, token, refresh := s.account("ada")

	r := s.call(http.MethodPost, "/v1/goals", token, `{"title":"Read Tolstoy","category":"literature"}`)
	require.Equal(t, http.StatusCreated, r.status, r.body)
	goal := r.header.Get("Location")
	require.Equal(t, "/v1/goals/"+r.field(t, "id"), goal)
	require.Equal(t, r.field(t, "position"), r.header.Get("Sical-Position"))

	s.position = r.header.Get("Sical-Position")
	r = s.get(goal, token)
	require.Equal(t, http.StatusOK, r.status, r.body)
	assert.Equal(t, "Read Tolstoy", r.field(t, "title"))
	assert.Equal(t, id, r.field(t, "owner_id"))
	assert.Equal(t, "no-store", r.header.Get("Cache-Control"))

	r = s.call(http.MethodGet, goal, token, "")
	again := s.call(http.MethodGet, goal, token, "", "If-None-Match", r.header.Get("ETag"))
	assert.Equal(t, http.StatusNotModified, again.status)
	assert.Empty(t, again.body)

	me := s.get("/v1/users/me", token)
	assert.Equal(t, "ada", me.field(t, "username"))

	s.position = "1000000"
	beyond := s.get(goal, token)
	assert.Equal(t, http.StatusConflict, beyond.status)
	assert.Equal(t, "position_unknown", beyond.field(t, "code"))

	// Last, since a token that was used before ends the session.
	renew := func(with string) reply {
		return s.call(http.MethodPost, "/v1/sessions/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, with))
	}
	renewed := renew(refresh)
	require.Equal(t, http.StatusOK, renewed.status, renewed.body)
	assert.Equal(t, http.StatusOK, renew(renewed.field(t, "refresh_token")).status)
	assert.Equal(t, http.StatusUnauthorized, renew(refresh).status)
	other := s.call(http.MethodPost, "/v1/sessions", "", `{"username":"ada","password":"not the right one"}`)
	assert.Equal(t, http.StatusUnauthorized, other.status)
}

func TestPagesGoOnWhereTheyEnded(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	id, token, _ := s.account("ada")
	var made []string
	for i := range 5 {
		made = append([]string{s.do(http.MethodPost, "/v1/goals", token, fmt.Sprintf(`{"title":"Goal %d"}`, i))}, made...)
	}
	var seen []string
	next := "/v1/users/" + id + "/goals?limit=2&total=true"
	for pages := 1; ; pages++ {
		r := s.get(next, token)
		require.Equal(t, http.StatusOK, r.status, r.body)
		var page struct {
			Items []struct{ ID string }
			Total int
		}
		require.NoError(t, json.Unmarshal([]byte(r.body), &page))
		assert.Equal(t, 5, page.Total)
		for _, g := range page.Items {
			seen = append(seen, g.ID)
		}
		link, _, found := strings.Cut(strings.TrimPrefix(r.header.Get("Link"), "<"), ">")
		if !found {
			assert.Equal(t, 3, pages)
			break
		}
		next = link
	}
	assert.Equal(t, made, seen, "newest first, none twice and none left out")
}

func TestKeysAndVersions(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	id, token, _ := s.account("ada")
	post := func(body string) reply {
		return s.call(http.MethodPost, "/v1/goals", token, body, "Idempotency-Key", "once")
	}
	first, second := post(`{"title":"One"}`), post(`{"title":"One"}`)
	require.Equal(t, http.StatusCreated, first.status, first.body)
	assert.Equal(t, http.StatusCreated, second.status)
	assert.Equal(t, first.body, second.body)
	assert.Equal(t, "true", second.header.Get("Idempotent-Replayed"))
	assert.Equal(t, "idempotency_key_reused", post(`{"title":"Two"}`).field(t, "code"))
	elsewhere := s.call(http.MethodPost, "/v1/paths", token, `{"title":"One"}`, "Idempotency-Key", "once")
	assert.Equal(t, http.StatusCreated, elsewhere.status, "a key is of one route: %s", elsewhere.body)
	assert.NotEqual(t, first.field(t, "id"), elsewhere.field(t, "id"))
	s.position = first.header.Get("Sical-Position")
	assert.Equal(t, "1", s.get("/v1/users/"+id+"/goals?total=true", token).field(t, "total"))

	goal := "/v1/goals/" + first.field(t, "id")
	changed := s.call(http.MethodPatch, goal, token, `{"title":"Two"}`, "If-Match", `"1"`)
	assert.Equal(t, http.StatusOK, changed.status, changed.body)
	late := s.call(http.MethodPatch, goal, token, `{"title":"Three"}`, "If-Match", `"1"`)
	assert.Equal(t, http.StatusPreconditionFailed, late.status, late.body)
	s.position = changed.header.Get("Sical-Position")
	read := s.get(goal, token)
	assert.Equal(t, "Two", read.field(t, "title"))
	assert.Equal(t, http.StatusOK, s.call(http.MethodPost, goal+"/start", token, "", "If-Match", read.header.Get("ETag")).status,
		"an ETag that was read serves as If-Match")
}

// Under one key no body is the same as an empty one, and as no other.
func TestKeysTellBodiesFromNone(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	id, token, _ := s.account("ada")
	point := s.do(http.MethodPost, "/v1/points", newDesk(t, s.app).token(t, id, events.Curator), `{"title":"图论"}`)
	for key, bodies := range map[string]struct{ first, same, other string }{
		"none first":  {"", "{}", `{"amount":30}`},
		"empty first": {"{}", "", `{"amount":30}`},
		"none later":  {`{"amount":30}`, `{"amount":30}`, ""},
	} {
		study := func(body string) reply {
			return s.call(http.MethodPost, "/v1/points/"+point+"/study", token, body, "Idempotency-Key", key)
		}
		first, same := study(bodies.first), study(bodies.same)
		require.Equal(t, http.StatusOK, first.status, first.body)
		assert.Equal(t, first.body, same.body, key)
		assert.Equal(t, "true", same.header.Get("Idempotent-Replayed"), key)
		other := study(bodies.other)
		assert.Equal(t, http.StatusUnprocessableEntity, other.status, "%s: %s", key, other.body)
		assert.Equal(t, "idempotency_key_reused", other.field(t, "code"), key)
	}
}

func TestBatchHasAVerdictEach(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	_, token, _ := s.account("ada")
	goal, other := uuid.NewString(), uuid.NewString()
	batch := fmt.Sprintf(`{"commands":[
		{"id":%q,"type":"goal.create","data":{"id":%q,"title":"A"}},
		{"id":%q,"type":"goal.start","data":{"id":%q}},
		{"id":%q,"type":"goal.start","data":{"id":%q}},
		{"id":%q,"type":"point.create","data":{"id":%q,"title":"P"}},
		{"id":%q,"type":"goal.dance","data":{"id":%q}}]}`,
		uuid.NewString(), goal, uuid.NewString(), goal, uuid.NewString(), other, uuid.NewString(), other, uuid.NewString(), other)
	statuses := func() (list []int, replayed []bool) {
		r := s.call(http.MethodPost, "/v1/commands", token, batch)
		require.Equal(t, http.StatusOK, r.status, r.body)
		var body struct {
			Verdicts []struct {
				Status   int
				Replayed bool
			}
		}
		require.NoError(t, json.Unmarshal([]byte(r.body), &body))
		for _, v := range body.Verdicts {
			list, replayed = append(list, v.Status), append(replayed, v.Replayed)
		}
		return list, replayed
	}
	want := []int{201, 200, 404, 403, 422}
	first, _ := statuses()
	assert.Equal(t, want, first)
	second, replayed := statuses()
	assert.Equal(t, want, second)
	assert.Equal(t, []bool{true, true, false, false, false}, replayed)
}

// An id of a line is its sender's alone: whoever comes first with one, or with what an
// Idempotency-Key of somebody else would be kept as, takes nothing from them.
func TestIdsOfLinesAreTheSendersOwn(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	_, ada, _ := s.account("ada")
	_, eve, _ := s.account("eve")
	line := uuid.NewString()
	send := func(token string) string {
		return s.call(http.MethodPost, "/v1/commands", token, fmt.Sprintf(
			`{"commands":[{"id":%q,"type":"goal.create","data":{"id":%q,"title":"A"}}]}`, line, uuid.NewString())).body
	}
	assert.Contains(t, send(eve), `"status":201`)
	assert.Contains(t, send(ada), `"status":201`)
	assert.Contains(t, send(ada), `"code":"idempotency_key_reused"`, "hers is remembered all the same")
	unnamed := s.call(http.MethodPost, "/v1/commands", ada, `{"commands":[{"type":"goal.create","data":{"title":"A"}}]}`)
	assert.NotContains(t, unnamed.body, `"command"`, "a command without an id has none")
}

// beside is a second process on the same database, NATS and keys.
func (s *system) beside() *system {
	s.t.Helper()
	c := s.app.Config
	c.MasterKeyFile = filepath.Join(s.app.keyDir(), "master")
	keys, err := filepath.Glob(filepath.Join(s.app.keyDir(), "tokens", "*"))
	require.NoError(s.t, err)
	c.SigningKeys, c.DataDir = keys, s.t.TempDir()
	return serveOn(s.t, c, s.app.logger)
}

// TestSuspendedLoseAccessElsewhere: another process hears of it in time.
func TestSuspendedLoseAccessElsewhere(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	elsewhere := s.beside()
	id, token, _ := s.account("ada")
	admin, _, _ := s.account("root")
	asAdmin := newDesk(t, s.app).token(t, admin, events.Admin)
	elsewhere.position = s.position
	require.Equal(t, http.StatusOK, elsewhere.get("/v1/users/me", token).status)

	s.do(http.MethodPost, "/v1/users/"+id+"/suspend", asAdmin, "")
	assert.Equal(t, http.StatusUnauthorized, s.call(http.MethodGet, "/v1/users/me", token, "").status, "at once where it was done")
	testkit.Eventually(t, func() error {
		if status := elsewhere.call(http.MethodGet, "/v1/users/me", token, "").status; status != http.StatusUnauthorized {
			return fmt.Errorf("still answered %d elsewhere", status)
		}
		return nil
	})
	refused := s.call(http.MethodPost, "/v1/sessions", "", fmt.Sprintf(`{"username":"ada","password":%q}`, password))
	assert.Equal(t, http.StatusForbidden, refused.status)
}
