package main

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"sical-backend/events"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/internal/tracing"
)

// TestNobodyIsInTheLogs says everything personal and secret in every place where it
// may be said, also where it is refused and where the database is away, and looks for
// it in the log (all of it), the metrics, the traces and the answers of failures.
func TestNobodyIsInTheLogs(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	proxy := testkit.Proxy(t, db.Socket())
	owner, err := pgx.ParseConfig(db.AdminURL)
	require.NoError(t, err)
	var logged testkit.Log
	exporter := tracetest.NewInMemoryExporter()
	s := serveOn(t, Config{DataDir: t.TempDir(), PostgresURL: db.Through(proxy, owner.User), NATSURL: testkit.NATS(t).URL},
		telemetry.NewLogger(&logged, slog.LevelDebug, "json"),
		func(a *App) { a.tracer = tracing.New(sdk.NewTracerProvider(sdk.WithSyncer(exporter))) })

	const canary = "qzsecret"
	said := `{"username":"` + canary + `name","email":"` + canary + `@example.org","password":"` + canary + ` horse 42","display_name":"` + canary + `"}`
	user := s.do("POST", "/v1/users", "", said)
	login := s.call("POST", "/v1/sessions", "", `{"username":"`+canary+`name","password":"`+canary+` horse 42"}`)
	access, refresh := login.field(t, "access_token"), login.field(t, "refresh_token")
	goal := s.do("POST", "/v1/goals", access, `{"title":"`+canary+`","description":"`+canary+`","visibility":"public"}`)
	s.do("POST", "/v1/comments", access, `{"target_type":"goal","target_id":"`+goal+`","text":"`+canary+`"}`)
	require.Equal(t, http.StatusOK, s.get("/v1/users/"+user, access).status)
	admin := newDesk(t, s.app).token(t, user, events.Admin)
	s.do("POST", "/v1/webhooks", admin, `{"url":"https://hooks.example.org/in","event_types":["goal.created"],"secret":"whsec_`+canary+strings.Repeat("A", 35)+`="}`)

	refused := func() {
		for _, r := range []reply{
			s.call("POST", "/v1/users", "", said),
			s.call("POST", "/v1/sessions", "", `{"username":"`+canary+`name","password":"`+canary+` wrong"}`),
			s.call("POST", "/v1/goals", access, `{"title":"`+canary+strings.Repeat("x", 300)+`"}`),
			s.call("POST", "/v1/goals", canary+access, `{"title":"x"}`),
			s.call("POST", "/v1/sessions/refresh", "", `{"refresh_token":"`+canary+refresh+`"}`),
		} {
			require.GreaterOrEqual(t, r.status, 400)
		}
	}
	refused()
	// And in the shapes that the contract does not even know.
	for _, raw := range []string{
		"GET /" + canary + "?q=" + canary, "GET /v1/goals?cursor=" + canary + "&q=" + canary, "BREW /v1/goals/" + canary, "POST /v1/goals " + `{"` + canary + `":"` + canary,
	} {
		begin, body, _ := strings.Cut(raw[strings.Index(raw, "/"):], " ")
		request, err := http.NewRequestWithContext(t.Context(), strings.Fields(raw)[0], s.url+begin, strings.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("User-Agent", canary)
		request.Header.Set("Authorization", "Bearer "+access)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		_ = response.Body.Close()
	}
	proxy.Refuse(true)
	proxy.Cut()
	failed := s.call("POST", "/v1/goals", access, `{"title":"`+canary+`"}`, "X-Request-ID", "the-failed-one")
	require.Equal(t, http.StatusServiceUnavailable, failed.status, failed.body)
	refused()
	operator, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.app.adminURL+"/admin/projections", nil)
	require.NoError(t, err)
	operator.Header.Set("X-Request-ID", "of-an-operator")
	answer, err := http.DefaultClient.Do(operator)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	proxy.Refuse(false)

	require.Contains(t, logged.String(), `"request_id":"of-an-operator"`)
	text := logged.String()
	line := text[strings.LastIndex(text[:strings.Index(text, "the-failed-one")], "\n")+1:]
	line, _, _ = strings.Cut(line, "\n")
	require.Regexp(t, `"request_id":"the-failed-one".*"trace_id":"[0-9a-f]{32}"`, line)
	http.DefaultClient.CloseIdleConnections()
	metrics, err := http.Get(s.app.adminURL + "/metrics")
	require.NoError(t, err)
	defer func() { _ = metrics.Body.Close() }()
	page, err := io.ReadAll(metrics.Body)
	require.NoError(t, err)
	traces := strings.Builder{}
	for _, span := range exporter.GetSpans() {
		traces.WriteString(span.Name + span.Status.Description)
		for _, a := range span.Attributes {
			traces.WriteString(a.Value.String())
		}
	}
	master, err := os.ReadFile(filepath.Join(s.app.DataDir, "keys", "master"))
	require.NoError(t, err)
	for place, text := range map[string]string{"log": text, "metrics": string(page), "traces": traces.String(), "problem": failed.body} {
		for _, secret := range []string{canary, access, refresh, string(master), access[strings.LastIndex(access, ".")+1:]} {
			assert.NotContains(t, text, secret, place)
		}
	}
}
