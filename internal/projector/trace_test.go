package projector

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"sical-backend/events"
	"sical-backend/internal/testkit"
	"sical-backend/internal/tracing"
	"sical-backend/projections"
)

// A view's part of a trace is told of events that never were on the bus, too: as they stand
// in the log, or were handed over.
func TestEventsOfTheLogCarryTheirTrace(t *testing.T) {
	t.Parallel()
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	w := newWorld(t)
	exporter := tracetest.NewInMemoryExporter()
	w.start(func(c *Config) {
		c.Tracer = tracing.New(sdk.NewTracerProvider(sdk.WithSyncer(exporter)))
	}, projections.Goal.View)
	e := w.event(events.StreamOf(events.KindGoal, w.id()), 1, w.id(), &events.GoalCreated{Title: "学习 Go", Visibility: events.Public})
	e.RawMeta = []byte(`{"actor":"x","traceparent":"00-` + trace + `-` + span + `-01"}`)
	w.store([]events.Event{e})
	w.some(20) // which are of no trace
	w.reaches(uint64(len(w.log)), projections.Goal.View)
	testkit.Eventually(t, func() error { // it is told after the commit
		if len(exporter.GetSpans()) == 0 {
			return errors.New("no span yet")
		}
		return nil
	})
	spans := exporter.GetSpans()
	require.Len(t, spans, 1)
	require.Equal(t, "project goal", spans[0].Name)
	require.Equal(t, trace, spans[0].SpanContext.TraceID().String())
	require.Equal(t, span, spans[0].Parent.SpanID().String())
}
