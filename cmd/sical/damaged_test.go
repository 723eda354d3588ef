package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
)

// Commands of a batch that need an event which cannot be read fail alone, and the log says once
// which event that is, and nothing of what stands in it.
func TestDamagedEventOfABatchIsTold(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	var logged testkit.Log
	s := serveOn(t, Config{DataDir: t.TempDir(), PostgresURL: db.AdminURL, NATSURL: testkit.NATS(t).URL},
		telemetry.NewLogger(&logged, slog.LevelInfo, "json"))
	_, token, _ := s.account("ada")
	whole := s.do(http.MethodPost, "/v1/goals", token, `{"title":"图论"}`)
	damaged := s.do(http.MethodPost, "/v1/goals", token, `{"title":"图论"}`)
	at := s.position
	s.get("/v1/goals/"+damaged, token) // the views are past it
	owner, err := pgx.Connect(t.Context(), db.AdminURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = owner.Close(t.Context()) })
	_, err = owner.Exec(t.Context(), `update sical.events set data = '{"title":"qzunsealed"}' where position = $1`, at)
	require.NoError(t, err)

	line := func(action, goal string) string {
		return fmt.Sprintf(`{"id":%q,"type":"goal.%s","data":{"id":%q}}`, uuid.NewString(), action, goal)
	}
	batch := s.call(http.MethodPost, "/v1/commands", token,
		`{"commands":[`+line("start", damaged)+`,`+line("start", whole)+`,`+line("delete", damaged)+`,`+line("delete", uuid.NewString())+`]}`)
	require.Equal(t, http.StatusOK, batch.status)
	for status, n := range map[string]int{`"status":500,"code":"internal"`: 2, `"status":200`: 1, `"status":404`: 1} {
		require.Equal(t, n, strings.Count(batch.body, status), "%s: %s", status, batch.body)
	}
	log := logged.String()
	require.Equal(t, 1, strings.Count(log, "commands of a batch were not carried out"), log)
	require.Contains(t, log, `"level":"WARN","msg":"commands of a batch were not carried out","error":"event `+at+`: `)
	require.NotContains(t, log, "qzunsealed")
}
