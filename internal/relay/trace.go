package relay

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/tracing"
	"sical-backend/internal/wire"
)

// trace begins a span for each recent event of a sampled trace; the message carries it on.
func (r *Relay) trace(list []events.Event, messages []*bus.Message) (spans []tracing.Span) {
	if r.cfg.Tracer == nil {
		return nil
	}
	for i, m := range messages {
		parent := m.Header[wire.Trace]
		if len(parent) == 0 || !tracing.Sampled(parent[0]) || time.Since(list[i].RecordedAt) > tracing.Window {
			continue
		}
		_, span := r.cfg.Tracer.Follow(context.Background(), parent[0], "relay "+list[i].Type, tracing.Producer,
			attribute.String("messaging.system", "nats"), attribute.String("messaging.destination.name", m.Subject),
			attribute.Int64("sical.position", int64(list[i].Position)))
		m.Header[wire.Trace] = []string{span.Parent()}
		spans = append(spans, span)
	}
	return spans
}
