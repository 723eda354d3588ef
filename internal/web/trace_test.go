package web

import (
	"testing"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"sical-backend/internal/tracing"
)

// However many methods a client makes up, its spans have one name.
func TestSpansAreNamedAfterRoutesAlone(t *testing.T) {
	t.Parallel()
	exporter := tracetest.NewInMemoryExporter()
	a := newAPI(t, func(c *Config) { c.Tracer = tracing.New(sdk.NewTracerProvider(sdk.WithSyncer(exporter))) })
	for _, method := range []string{"GET", "XYZ1", "XYZ2"} {
		a.do(t, method, "/ok", "")
	}
	var names []string
	for _, span := range exporter.GetSpans() {
		names = append(names, span.Name)
	}
	require.Equal(t, []string{"GET /ok", "HTTP /ok", "HTTP /ok"}, names)
}
