package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"sical-backend/internal/testkit"
	"sical-backend/internal/tracing"
)

// spans are what has been traced, by name, for one trace.
func spans(exporter *tracetest.InMemoryExporter, trace string) map[string]tracetest.SpanStub {
	found := map[string]tracetest.SpanStub{}
	for _, s := range exporter.GetSpans() {
		if s.SpanContext.TraceID().String() == trace {
			found[s.Name] = s
		}
	}
	return found
}

// TestOneTraceFromCommandToView runs the roles apart, so that an event really has to
// travel, and follows it by the parents of the spans.
func TestOneTraceFromCommandToView(t *testing.T) {
	t.Parallel()
	exporter := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(exporter), sdk.WithSampler(sdk.ParentBased(sdk.NeverSample())))
	c := Config{
		DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL,
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", MaxConns: 6, CacheBytes: 1 << 20,
	}
	start := func(part func(*App) func(context.Context) error) *App {
		a := newApp(c, slog.New(slog.DiscardHandler))
		a.hashing = cheap
		t.Cleanup(a.Close)
		a.tracer = tracing.New(provider)
		require.NoError(t, a.join(t.Context()))
		require.NoError(t, part(a)(t.Context()))
		require.NoError(t, a.open())
		return a
	}
	start(func(a *App) func(context.Context) error { return a.startProjector })
	deciding := start(func(a *App) func(context.Context) error { return a.startCommand })

	contract, err := readContract()
	require.NoError(t, err)
	s := (&system{app: deciding, url: deciding.publicURL, contract: contract}).by(t)
	user := s.call("POST", "/v1/users", "", `{"username":"ana","email":"ana@example.org","password":"correct horse 42"}`)
	require.Equal(t, http.StatusCreated, user.status, user.body)
	require.Empty(t, exporter.GetSpans(), "what is not sampled leaves nothing")
	login := s.call("POST", "/v1/sessions", "", `{"username":"ana","password":"correct horse 42"}`)
	token := login.field(t, "access_token")

	const trace, client = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
	answer := s.call("POST", "/v1/goals", token, `{"title":"Trace me"}`, "traceparent", "00-"+trace+"-"+client+"-01")
	require.Equal(t, http.StatusCreated, answer.status, answer.body)
	require.Contains(t, answer.header.Get("traceparent"), trace)
	testkit.Eventually(t, func() error { return travelled(exporter, trace, client) })
}

// travelled tells what is missing of a goal's way, which a client's span began.
func travelled(exporter *tracetest.InMemoryExporter, trace, client string) error {
	found := spans(exporter, trace)
	id := func(name string) string { return found[name].SpanContext.SpanID().String() }
	for name, parents := range map[string][]string{
		"POST /v1/goals":     {client},
		"append":             {id("POST /v1/goals")},
		"relay goal.created": {id("POST /v1/goals")},
		// A projector may read the log before the bus brings it, and the way is shorter then.
		"project goal": {id("relay goal.created"), id("POST /v1/goals")},
	} {
		span, ok := found[name]
		if !ok {
			return fmt.Errorf("no span %q", name)
		}
		if !slices.Contains(parents, span.Parent.SpanID().String()) {
			return fmt.Errorf("%q has another parent", name)
		}
	}
	return nil
}
