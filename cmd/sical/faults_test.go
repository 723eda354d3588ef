package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// TestKeysRememberNoPassword registers twice under one key with different passwords: what
// is kept cannot tell them apart, and only the first counts.
func TestKeysRememberNoPassword(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	register := func(name, word string) reply {
		return s.call(http.MethodPost, "/v1/users", "",
			fmt.Sprintf(`{"username":%q,"email":"ada@example.org","password":%q}`, name, word), "Idempotency-Key", "once")
	}
	first, again := register("ada", password), register("ada", password+" but another")
	require.Equal(t, http.StatusCreated, first.status, first.body)
	require.Equal(t, http.StatusCreated, again.status, again.body)
	assert.Equal(t, first.body, again.body)
	assert.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	assert.Equal(t, "idempotency_key_reused", register("eve", password).field(t, "code"))

	logIn := func(word string) int {
		return s.call(http.MethodPost, "/v1/sessions", "", fmt.Sprintf(`{"username":"ada","password":%q}`, word)).status
	}
	assert.Equal(t, http.StatusCreated, logIn(password))
	assert.Equal(t, http.StatusUnauthorized, logIn(password+" but another"))
}

// TestRefusalsSayWhere sends what is wrong in one place: the problem names that place.
func TestRefusalsSayWhere(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	id, token, _ := s.account("ada")
	curator := newDesk(t, s.app).token(t, id, events.Curator)
	point := s.do(http.MethodPost, "/v1/points", curator, `{"title":"图论"}`)
	quiz := s.do(http.MethodPost, "/v1/assessments", token, `{"assessment_type":"self"}`)
	s.do(http.MethodPost, "/v1/assessments/"+quiz+"/submit", token, "")
	s.do(http.MethodPost, "/v1/assessments/"+quiz+"/grade", token, `{"score":1}`)
	const post, none = http.MethodPost, "00000000-0000-0000-0000-000000000000"
	for _, c := range []struct {
		method, path, body string
		status             int
		place, code        string // the member of the error, and its value
	}{
		{post, "/v1/goals", `[]`, 400, `"pointer":""`, "invalid_field"},
		{post, "/v1/goals", `{"title":"x","id":"` + none + `"}`, 400, `"pointer":"/id"`, "invalid_field"},
		{post, "/v1/goals/" + none + "/start", `{"id":"` + none + `"}`, 400, `"pointer":"/id"`, ""},
		{post, "/v1/goals", `{"title":"x","target_date":"2027-02-30"}`, 400, `"pointer":"/target_date"`, "invalid_field"},
		{post, "/v1/assessments", `{"assessment_type":"quiz","max_score":"10"}`, 400, `"pointer":"/max_score"`, "invalid_field"},
		{post, "/v1/assessments/" + quiz + "/submit", "", 422, `"pointer":""`, "assessment_graded"},
		{post, "/v1/users", `{"username":"ADA","email":"new@example.org","password":"` + password + `"}`, 409, `"pointer":"/username"`, "username_taken"},
		{post, "/v1/users", `{"username":"new","email":"ada@example.org","password":"` + password + `"}`, 409, `"pointer":"/email"`, "email_taken"},
		{post, "/v1/sessions", `{"username":"ada"}`, 422, `"pointer":"/password"`, "missing"},
		{post, "/v1/sessions", `{"password":"x"}`, 422, `"pointer":"/username"`, "missing"},
		{post, "/v1/sessions", `{"username":"ada","email":"ada@example.org","password":"x"}`, 422, `"pointer":"/email"`, "one_too_many"},
		{post, "/v1/sessions", `{"username":"` + strings.Repeat("\ufdfa", 1<<10) + `","password":"x"}`, 422, `"pointer":"/username"`, "too_long"},
		{post, "/v1/sessions", `{"email":"` + strings.Repeat("x", 1<<10+1) + `","password":"x"}`, 422, `"pointer":"/email"`, "too_long"},
		{post, "/v1/sessions", `{"username":"ada","password":"` + strings.Repeat("x", 4<<10+1) + `"}`, 422, `"pointer":"/password"`, "too_long"},
		{post, "/v1/sessions/refresh", `{}`, 422, `"pointer":"/refresh_token"`, "missing"},
		{post, "/v1/commands", `{}`, 422, `"pointer":"/commands"`, "missing"},
		{http.MethodGet, "/v1/points?q=%zz", "", 400, `"parameter":"q"`, "invalid_parameter"},
	} {
		r := s.call(c.method, c.path, token, c.body)
		name := c.method + " " + c.path + " " + c.body
		assert.Equal(t, c.status, r.status, "%s: %s", name, r.body)
		assert.Contains(t, r.body, `"errors":[{`+c.place+`,"code":"`+c.code, name)
	}
	assert.Equal(t, http.StatusOK, s.call(post, "/v1/commands", token, `{"commands":[]}`).status)
	lines := func(n int) string { return `{"commands":[` + strings.Repeat(`{},`, n-1) + `{}]}` }
	room := func(n int) string { return `{"commands":[` + strings.Repeat(" ", n-len(`{"commands":[]}`)) + `]}` }
	assert.Equal(t, http.StatusOK, s.call(post, "/v1/commands", token, lines(1000)).status, "each is looked at")
	many := s.call(post, "/v1/commands", token, lines(1001))
	require.Equal(t, http.StatusUnprocessableEntity, many.status)
	assert.Contains(t, many.body, `"errors":[{"pointer":"/commands","code":"too_many"`)
	assert.Equal(t, http.StatusOK, s.call(post, "/v1/commands", token, room(1<<20)).status)
	assert.Equal(t, http.StatusRequestEntityTooLarge, s.call(post, "/v1/commands", token, room(1<<20+1)).status)

	for _, c := range []struct{ line, pointer string }{
		{`"type":"goal.dance","data":{"id":"` + point + `"}`, "/type"},
		{`"type":"goal.create","data":{}`, "/data/id"},
		{`"type":"goal.create","data":[]`, "/data"},
		{`"type":"goal.create","data":{"id":"` + uuid.NewString() + `","titel":"x"}`, "/data/titel"},
		{`"type":"goal.create","data":{"id":"` + uuid.NewString() + `","title":""}`, "/data/title"},
		{`"type":"goal.create","data":{"id":"` + uuid.NewString() + `","title":"x"},"occurred_at":"2999-01-01T00:00:00Z"`, "/occurred_at"},
		{`"type":"study.record","data":{"id":"` + point + `"},"occurred_at":"2999-01-01T00:00:00Z"`, "/occurred_at"},
		{`"type":"study.record","data":{"id":"` + point + `","occurred_at":"2999-01-01T00:00:00Z"}`, "/data/occurred_at"},
		{`"type":"study.record","data":{"id":"` + point + `","occurred_at":"yesterday"}`, "/data/occurred_at"},
		{`"type":"user.change_password","data":{"id":"` + id + `","new_password":"` + password + `"}`, "/data/new_password"},
	} {
		r := s.call(post, "/v1/commands", token, `{"commands":[{"id":"`+uuid.NewString()+`",`+c.line+`}]}`)
		require.Equal(t, http.StatusOK, r.status, "%s: %s", c.line, r.body)
		assert.Contains(t, r.body, `"errors":[{"pointer":"`+c.pointer+`","code":`, c.line)
	}
	right := s.call(post, "/v1/commands", token, `{"commands":[{"id":"`+uuid.NewString()+
		`","type":"user.change_password","data":{"id":"`+id+`","current_password":"`+password+`"}}]}`)
	assert.Contains(t, right.body, `"detail":"Passwords are not taken in batches."`, "and not that it is the wrong one")
}
