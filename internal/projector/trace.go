package projector

import (
	"time"

	"go.opentelemetry.io/otel/attribute"

	"sical-backend/internal/tracing"
)

// trace records a span for each recent event of a sampled trace: from when its batch began
// until the view has committed it.
func (r *runner) trace(b *batch, began time.Time) {
	if r.cfg.Tracer == nil {
		return
	}
	for _, s := range b.steps {
		if began.Sub(s.event.RecordedAt) > tracing.Window {
			continue
		}
		r.cfg.Tracer.Record(s.event.Meta.TraceParent, "project "+r.view.Name, tracing.Consumer, began,
			attribute.String("sical.view", r.view.Name), attribute.String("sical.event_type", s.event.Type),
			attribute.Int64("sical.position", int64(s.event.Position)))
	}
}
