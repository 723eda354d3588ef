package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/command/api"
	"sical-backend/events"
)

// Whatever is made can be read where its Location says.
func TestLocationIsWhereANewThingIsRead(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	id, _, _ := s.account("ada")
	admin := newDesk(t, s.app).token(t, id, events.Admin)
	locations := map[string]string{}
	for _, c := range []struct{ path, body string }{
		{"/v1/users", `{"username":"bob"}`},
		{"/v1/points", `{"title":"图论"}`},
		{"/v1/paths", `{"title":"算法"}`},
		{"/v1/goals", `{"title":"学习","visibility":"public"}`},
		{"/v1/assessments", `{"assessment_type":"self"}`},
		{"/v1/comments", `{"target_type":"goal","target_id":"GOAL","text":"加油"}`},
		{"/v1/webhooks", aWebhook},
	} {
		goal := strings.TrimPrefix(locations["/v1/goals"], "/v1/goals/")
		made := s.call(http.MethodPost, c.path, admin, strings.Replace(c.body, "GOAL", goal, 1))
		require.Equal(t, http.StatusCreated, made.status, made.body)
		s.position, locations[c.path] = made.header.Get("Sical-Position"), made.header.Get("Location")
		r := s.get(locations[c.path], admin)
		require.Equal(t, http.StatusOK, r.status, "%s: %s", locations[c.path], r.body)
		assert.Equal(t, made.field(t, "id"), r.field(t, "id"))
	}
	for _, route := range api.Routes() {
		if route.Subject == api.FromBody {
			assert.Contains(t, locations, route.Path)
		}
	}

	// What is kept of a comment ends with what it is about.
	comment, goal := locations["/v1/comments"], locations["/v1/goals"]
	for range 2 {
		s.do(http.MethodPatch, goal, admin, `{"visibility":"private"}`)
		assert.Equal(t, http.StatusNotFound, s.get(comment, "").status)
		s.do(http.MethodPatch, goal, admin, `{"visibility":"public"}`)
		assert.Equal(t, http.StatusOK, s.get(comment, "").status)
	}
}
