package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/importer"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
)

// A command process of the release before meets what one of the newer release has written in a
// form of its own: it decides nothing on it, says that it is worth to ask again, and in the log
// what it was. Whoever looks back steps over it, and an import ends, to be gone on with.
func TestNewerEventsAreWorthAskingAgain(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	var logged testkit.Log
	s := serveOn(t, Config{DataDir: t.TempDir(), PostgresURL: db.AdminURL, NATSURL: testkit.NATS(t).URL},
		telemetry.NewLogger(&logged, slog.LevelInfo, "json"))
	user, token, refresh := s.account("ada")
	goal := s.do(http.MethodPost, "/v1/goals", token, `{"title":"图论"}`)
	s.do(http.MethodPatch, "/v1/goals/"+goal, token, `{"title":"Graphs"}`)
	s.do(http.MethodPatch, "/v1/users/"+user, token, `{"display_name":"Ada"}`)
	require.Contains(t, s.get("/v1/goals/"+goal, token).body, "Graphs")
	newer := newerForms(t, db.AdminURL, user, goal)

	login := fmt.Sprintf(`{"username":"ada","password":%q}`, password)
	line := fmt.Sprintf(`{"id":%q,"type":"goal.start","data":{"id":%q}}`, uuid.NewString(), goal)
	newer(true)
	for _, c := range []struct{ method, path, body string }{
		{http.MethodPatch, "/v1/goals/" + goal, `{"title":"Trees"}`},
		{http.MethodPost, "/v1/sessions", login},
		{http.MethodPost, "/v1/sessions/refresh", fmt.Sprintf(`{"refresh_token":%q}`, refresh)},
		{http.MethodPost, "/v1/users/me/password", fmt.Sprintf(`{"current_password":%q,"new_password":"another horse 42"}`, password)},
	} {
		r := s.call(c.method, c.path, token, c.body)
		assert.Equal(t, http.StatusServiceUnavailable, r.status, "%s %s: %s", c.method, c.path, r.body)
		assert.Equal(t, "unavailable", r.field(t, "code"))
		assert.Contains(t, r.field(t, "detail"), "Nothing was done")
		assert.NotEmpty(t, r.header.Get("Retry-After"), c.path)
	}
	batch := s.call(http.MethodPost, "/v1/commands", token, `{"commands":[`+line+`]}`)
	assert.Equal(t, http.StatusOK, batch.status)
	assert.Contains(t, batch.body, `"status":503,"code":"unavailable"`)
	var out told
	var counts importer.Counts
	named := strings.Replace(line, `"type"`, fmt.Sprintf(`"as":%q,"type"`, user), 1)
	err := importer.Run(t.Context(), s.app.decider.Dispatcher, commands(strings.NewReader(named), &out), &counts)
	assert.ErrorIs(t, err, events.UnknownType{Name: "goal.revised", Schema: 99})
	assert.Empty(t, out.lines, "it was not refused")
	then := s.get("/v1/goals/"+goal+"?as_of="+s.position, token)
	assert.Equal(t, http.StatusOK, then.status, then.body)
	assert.Contains(t, then.body, "图论")
	assert.Contains(t, logged.String(), `"msg":"commands of a batch were not carried out","error":"event `)
	assert.Contains(t, logged.String(), "unknown event type goal.revised, schema 99")
	assert.NotContains(t, logged.String(), `"level":"ERROR"`, "it is no fault of the program")

	newer(false) // as to a process that knows them
	assert.Equal(t, http.StatusOK, s.call(http.MethodPost, "/v1/sessions/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, refresh)).status)
	assert.True(t, s.logsIn("ada", password))
	batch = s.call(http.MethodPost, "/v1/commands", token, `{"commands":[`+line+`]}`)
	assert.Contains(t, batch.body, `"version":3`, "nothing was done before")
	assert.NotContains(t, batch.body, `replayed`)
}

// newerForms has the last events of a user and a goal stand in a form that nobody knows here, or
// as they were.
func newerForms(t *testing.T, url, user, goal string) func(newer bool) {
	owner, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = owner.Close(t.Context()) })
	forms := map[bool]int{true: 99, false: 1}
	return func(newer bool) {
		changed, err := owner.Exec(t.Context(), `update sical.events set schema = $1 where stream in ($2, $3) and type like '%.revised'`,
			forms[newer], "user-"+user, "goal-"+goal)
		require.NoError(t, err)
		require.EqualValues(t, 2, changed.RowsAffected())
	}
}
