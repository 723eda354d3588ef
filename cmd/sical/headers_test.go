package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// Whatever stands in a header: a command is carried out or refused, and the server is well.
func TestHeadersOfCommands(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	ann, token, _ := s.account("ann")
	for _, trace := range []string{
		strings.Repeat("\xff", 55), strings.Repeat("x", 55), "00-" + strings.Repeat("A", 32) + "-" + strings.Repeat("b", 16) + "-01",
		"ff-" + strings.Repeat("a", 32) + "-" + strings.Repeat("b", 16) + "-01", "",
	} {
		r := s.call(http.MethodPost, "/v1/goals", token, `{"title":"Traced by nobody"}`, "Traceparent", trace)
		assert.Equal(t, http.StatusCreated, r.status, "%q: %s", trace, r.body)
	}
	desk := newDesk(t, s.app)
	point := s.do(http.MethodPost, "/v1/points", desk.token(t, ann, events.Curator), `{"title":"Studied","category":"c"}`)
	for _, version := range []string{"18446744073709551615", "4294967297", "2147483648", "7"} {
		r := s.call(http.MethodPost, "/v1/points/"+point+"/study", token, `{"amount":1}`, "If-Match", `"`+version+`"`)
		assert.Equal(t, http.StatusPreconditionFailed, r.status, "%s: %s", version, r.body)
	}
}

// What is said about one thing is not left with proxies: who wrote it may want it gone.
func TestCommentsAreNotKeptByProxies(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	ann, _, _ := s.account("ann")
	desk := newDesk(t, s.app)
	point := s.do(http.MethodPost, "/v1/points", desk.token(t, ann, events.Curator), `{"title":"Discussed","category":"c"}`)
	comments := "/v1/comments?target_type=point&target_id=" + point
	require.Equal(t, http.StatusOK, s.get(comments, "").status)
	r := s.call(http.MethodGet, comments, "", "")
	require.Contains(t, r.header.Get("Cache-Control"), "private")
}
