package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// No command brings an instant that cannot be written. Where one stands in the log all
// the same, everybody who reads it goes on.
func TestInstantThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.do("POST", "/v1/users", "", fmt.Sprintf(`{"username":"ana","email":"ana@example.org","password":%q}`, password))
	token := s.call("POST", "/v1/sessions", "", fmt.Sprintf(`{"username":"ana","password":%q}`, password)).field(t, "access_token")
	goal := s.do("POST", "/v1/goals", token, `{"title":"年代学"}`)
	r := s.call("POST", "/v1/points/"+goal+"/study", token, `{"amount":3,"occurred_at":"0000-01-01T00:00:00+14:00"}`)
	require.Equal(t, http.StatusUnprocessableEntity, r.status, r.body)
	require.Contains(t, r.body, `"pointer":"/occurred_at"`)
	for _, path := range []string{"/v1/statistics?at=0000-01-01", "/v1/trending-points?at=0000-02-15"} {
		require.Equal(t, http.StatusBadRequest, s.get(path, "").status, path)
	}

	conn, err := pgx.Connect(t.Context(), s.app.PostgresURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `
		insert into sical.events (position, event_id, stream, version, type, schema, data, metadata, owner, final, occurred_at, recorded_at)
		select position + 1, gen_random_uuid(), stream, version + 1, 'goal.started', 1, '{"from":"draft"}', metadata, owner, false, '0002-12-31 10:00+00 BC', recorded_at
		from sical.events order by position desc limit 1`) // the goal's
	require.NoError(t, err)
	const told = "0001-01-01T00:00:00Z"
	testkit.Eventually(t, func() error {
		if r := s.get("/v1/goals/"+goal, token); !strings.Contains(r.body, `"updated_at":"`+told) {
			return fmt.Errorf("%d %s", r.status, r.body)
		}
		return nil
	})
	assert.Contains(t, s.get("/v1/goals/"+goal+"?as_of="+time.Now().UTC().Format(time.RFC3339Nano), token).body, `"updated_at":"`+told)
	for _, path := range []string{"/admin/events", "/admin/events/latest", "/admin/events/2/related"} {
		status, text := s.ask("GET", path, "")
		require.Equal(t, http.StatusOK, status, text)
		assert.Contains(t, text, `"occurred_at":"`+told, path)
	}
	testkit.Eventually(t, func() error { // the relay may still be at its start
		status, text := s.ask("POST", "/admin/events/reconcile", `{"check":true}`)
		if status != http.StatusOK || !strings.Contains(text, `"foreign":0`) {
			return fmt.Errorf("%d %s", status, text)
		}
		return nil
	})

	var printed strings.Builder
	require.NoError(t, (&Tail{From: 1}).Run(t.Context(), tool(t, s.app.Config), &output{&printed}))
	lines := strings.Split(strings.TrimSpace(printed.String()), "\n")
	require.Len(t, lines, 3)
	var last struct {
		OccurredAt string `json:"occurred_at"`
	}
	require.NoError(t, json.Unmarshal([]byte(lines[2]), &last))
	assert.Equal(t, told, last.OccurredAt)

	printed.Reset()
	err = (&Tail{From: 4}).Run(t.Context(), tool(t, s.app.Config), &output{&printed})
	require.ErrorContains(t, err, "the log ends at 3")
	assert.Empty(t, printed.String())
	for _, stream := range []string{"", "curriculum", "goal-" + goal} {
		assert.NoError(t, (&Tail{Type: "goal.created", Stream: stream}).Validate(), stream)
	}
}
