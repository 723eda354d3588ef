package projector

import (
	"time"

	"go.opentelemetry.io/otel/attribute"

	"sical-backend/internal/tracing"
)

// traced is how long after an event was recorded its trace is still told of. Who catches up on a
// day, or folds a build from the log's beginning, would send all of the past to the exporter, to
// traces that nobody looks at any more, and the spans of today would be dropped for it: the queue
// to the exporter is short.
const traced = time.Minute

// trace records a span for each recent event of a sampled trace: from when its batch began
// until the view has committed it.
func (r *runner) trace(b *batch, began time.Time) {
	if r.cfg.Tracer == nil {
		return
	}
	for _, s := range b.steps {
		if began.Sub(s.event.RecordedAt) > traced {
			continue
		}
		r.cfg.Tracer.Record(s.event.Meta.TraceParent, "project "+r.view.Name, tracing.Consumer, began,
			attribute.String("sical.view", r.view.Name), attribute.String("sical.event_type", s.event.Type),
			attribute.Int64("sical.position", int64(s.event.Position)))
	}
}
