package projector

import (
	"errors"
	"testing"
	"time"

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
	w := newWorld(t)
	exporter := tracetest.NewInMemoryExporter()
	w.start(traces(exporter), projections.Goal.View)
	w.store([]events.Event{w.sampled(trace, time.Now())})
	w.some(20) // which are of no trace
	w.reaches(uint64(len(w.log)), projections.Goal.View)
	w.onlySpan(exporter, trace)
}

// Who catches up on the past tells no trace of it, and those of what comes then as ever.
func TestThePastIsNotTraced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var past []events.Event
	for range 30 {
		past = append(past, w.sampled("1af7651916cd43dd8448eb211c80319c", time.Now().Add(-time.Hour)))
	}
	w.store(past)
	exporter := tracetest.NewInMemoryExporter()
	w.start(traces(exporter), projections.Goal.View)
	w.reaches(uint64(len(w.log)), projections.Goal.View)
	w.store([]events.Event{w.sampled(trace, time.Now())})
	w.onlySpan(exporter, trace)
}

const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

func traces(exporter *tracetest.InMemoryExporter) func(*Config) {
	return func(c *Config) { c.Tracer = tracing.New(sdk.NewTracerProvider(sdk.WithSyncer(exporter))) }
}

// sampled makes the next event of the log one of a sampled trace.
func (w *world) sampled(trace string, recorded time.Time) events.Event {
	w.Helper()
	e := w.event(events.StreamOf(events.KindGoal, w.id()), 1, w.id(), &events.GoalCreated{Title: "学习 Go", Visibility: events.Public})
	e.RecordedAt, e.RawMeta = recorded, []byte(`{"actor":"x","traceparent":"00-`+trace+`-`+span+`-01"}`)
	return e
}

// onlySpan waits for the view's span of a trace, which has to be the only one.
func (w *world) onlySpan(exporter *tracetest.InMemoryExporter, trace string) {
	w.Helper()
	testkit.Eventually(w, func() error { // it is told after the commit
		if len(exporter.GetSpans()) == 0 {
			return errors.New("no span yet")
		}
		return nil
	})
	spans := exporter.GetSpans()
	require.Len(w, spans, 1)
	require.Equal(w, "project goal", spans[0].Name)
	require.Equal(w, trace, spans[0].SpanContext.TraceID().String())
	require.Equal(w, span, spans[0].Parent.SpanID().String())
}
