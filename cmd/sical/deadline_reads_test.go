package main

import (
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever the query side is asked for, a database that is silent has it answered before the server
// cuts the connection: alone or together with others, at once or after a position was waited for.
func TestSilentDatabaseAnswersReaders(t *testing.T) {
	t.Parallel()
	s, _, proxy := behind(t)
	_, token, _ := s.account("ada")
	goal := "/v1/goals/" + s.do(http.MethodPost, "/v1/goals", token, `{"title":"here"}`)
	ticket := s.call(http.MethodPost, "/v1/stream-tickets", token, "").field(t, "ticket")
	position, err := strconv.Atoi(s.position)
	require.NoError(t, err)
	waits := []string{"Sical-Min-Position", strconv.Itoa(position + 1), "Prefer", "wait=5, handling=lenient"}

	proxy.Blackhole(true)
	var all sync.WaitGroup
	unavailable := func(path, token string, headers ...string) {
		all.Go(func() {
			r := s.insists(http.MethodGet, path, token, "", headers...)
			assert.Equal(t, http.StatusServiceUnavailable, r.status, "%s: %s", path, r.body)
			assert.Contains(t, r.body, `"code":"unavailable"`, path)
			assert.NotEmpty(t, r.header.Get("Retry-After"), path)
		})
	}
	for range 3 { // one loads for the others
		unavailable(goal, token)
	}
	for range 10 { // more than there are turns
		unavailable(goal+"?as_of=1", token)
	}
	for _, path := range []string{
		"/v1/points/" + uuid.NewString(), "/v1/users/" + uuid.NewString(), "/v1/goals", "/v1/goals?q=here", "/v1/statistics?at=2026-03-01",
		"/v1/points/" + uuid.NewString() + "?as_of=2026-03-01T08:30:00Z", "/v1/stream?view=goal&key=" + goal[len("/v1/goals/"):] + "&ticket=" + ticket,
	} {
		unavailable(path, "")
	}
	unavailable("/v1/stream?view=statistics", token)
	unavailable("/v1/points/"+uuid.NewString(), "", waits...)
	unavailable("/v1/goals", token, waits...)
	all.Wait()
	proxy.Blackhole(false)
	require.Equal(t, http.StatusOK, s.get(goal, token).status)
}
