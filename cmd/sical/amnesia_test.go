package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

// ask asks the admin listener.
func (s *system) ask(method, path, body string) (int, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.app.adminURL+path, strings.NewReader(body))
	require.NoError(s.t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return response.StatusCode, string(text)
}

// Whatever becomes of NATS, commands are taken and what they did is read.
func TestSystemWithoutMemoryOfTheStream(t *testing.T) {
	t.Parallel()
	bus := testkit.NATS(t)
	s := serveOn(t, Config{DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: bus.URL}, slog.New(slog.DiscardHandler))
	s.do("POST", "/v1/users", "", `{"username":"ana","email":"ana@example.org","password":"correct horse 42"}`)
	token := s.call("POST", "/v1/sessions", "", `{"username":"ana","password":"correct horse 42"}`).field(t, "access_token")
	goal := func(title string) {
		t.Helper()
		id := s.do("POST", "/v1/goals", token, fmt.Sprintf(`{"title":%q}`, title))
		require.Equal(t, http.StatusOK, s.get("/v1/goals/"+id, token).status, title)
	}
	goal("all is well")
	js := testkit.JetStream(t, bus.Connect())
	require.NoError(t, js.DeleteStream(t.Context(), wire.Stream))
	goal("no stream")
	bus.Stop()
	goal("no NATS")
	bus.Start()
	goal("NATS is back")
	streamed(t, bus.Connect(), s.position)
	status, text := s.ask("POST", "/admin/events/reconcile", "")
	require.Equal(t, http.StatusOK, status, text)
	var report map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &report))
	assert.EqualValues(t, 0, report["missing"])
	assert.Equal(t, s.position, fmt.Sprint(report["compared"]))
	goal("and after")
}

func TestAdminEvents(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.do("POST", "/v1/users", "", `{"username":"ana","email":"ana@example.org","password":"correct horse 42"}`)
	status, text := s.ask("GET", "/admin/events?from=1&limit=10", "")
	require.Equal(t, http.StatusOK, status, text)
	var page struct {
		Items      []struct{ Type, Stream string }
		Next, Head uint64
	}
	require.NoError(t, json.Unmarshal([]byte(text), &page))
	require.NotEmpty(t, page.Items)
	assert.Equal(t, "user.registered", page.Items[0].Type)
	assert.Equal(t, page.Head+1, page.Next)
	assert.NotContains(t, text, "ana@example.org", "what is personal stays sealed")
	for path, want := range map[string]int{
		"/admin/events?from=0": 400, "/admin/events?limit=1001": 400, "/admin/events?type=x": 400, "/admin/events?from=99": 200,
	} {
		status, text := s.ask("GET", path, "")
		assert.Equal(t, want, status, "%s: %s", path, text)
	}
	streamed(t, s.app.nats.Conn, s.position) // or the relay, which is at its start, were in the way
	for body, want := range map[string]int{
		`{"from":9,"to":1}`: 422, `{"frm":1}`: 400, `[]`: 400, `{"check":true}`: 200,
	} {
		status, text := s.ask("POST", "/admin/events/reconcile", body)
		assert.Equal(t, want, status, "%s: %s", body, text)
	}
	status, text = s.ask("GET", "/metrics", "")
	require.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, "sical_reconcile_differences 0")
	assert.Regexp(t, `sical_reconcile_last_run_timestamp_seconds 1\.\d+e\+09`, text)
	assert.Contains(t, text, "sical_reconcile_failures_total 0", "a question that is none is no failure")
}

// streamed waits until the stream has the log up to a position.
func streamed(t *testing.T, conn *nats.Conn, position string) {
	t.Helper()
	js := testkit.JetStream(t, conn)
	testkit.Eventually(t, func() error {
		stream, err := js.Stream(t.Context(), wire.Stream)
		if err == nil && fmt.Sprint(stream.CachedInfo().State.LastSeq) != position {
			err = fmt.Errorf("the stream ends at %d, the log at %s", stream.CachedInfo().State.LastSeq, position)
		}
		return err
	})
}
