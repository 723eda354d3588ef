package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Window is how long after an event was recorded its trace is still told of. Who catches up on a
// day, folds a build from the log's beginning or makes the stream anew would send all of the past
// to the exporter, to traces that nobody looks at any more, and the spans of today would be
// dropped for it: the queue to the exporter is short.
const Window = time.Minute

// Tracer begins spans. A nil one begins none.
type Tracer struct{ tracer trace.Tracer }

// New makes a Tracer of a provider, for tests; Start makes one as the environment
// says.
func New(p trace.TracerProvider) *Tracer { return &Tracer{p.Tracer("sical-backend")} }

// Span is work under way. The zero Span does nothing.
type Span struct{ span trace.Span }

// The kinds of spans, by which a reader of traces draws the way between processes.
const (
	Server   = trace.SpanKindServer
	Producer = trace.SpanKindProducer
	Consumer = trace.SpanKindConsumer
)

// Follow begins a span that continues the trace of a traceparent, or a new trace
// where that is empty or wrong. Whether it is sampled follows from the parent, or the
// sampler. Attributes name routes, types and positions, never values.
func (t *Tracer) Follow(ctx context.Context, parent, name string, kind trace.SpanKind, attributes ...attribute.KeyValue) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	ctx, span := t.tracer.Start(remote(ctx, parent), name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
	return ctx, Span{span}
}

// Record adds a span of work that is over, to the trace of a sampled traceparent.
func (t *Tracer) Record(parent, name string, kind trace.SpanKind, began time.Time, attributes ...attribute.KeyValue) {
	if t == nil || !Sampled(parent) {
		return
	}
	_, span := t.tracer.Start(remote(context.Background(), parent), name,
		trace.WithSpanKind(kind), trace.WithTimestamp(began), trace.WithAttributes(attributes...))
	span.End()
}

// remote puts the span of a traceparent into a context.
func remote(ctx context.Context, parent string) context.Context {
	if parent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
}

// Child begins a span within the one that the context carries; where that is none
// that is recorded, it does nothing.
func Child(ctx context.Context, name string) (context.Context, Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, Span{}
	}
	ctx, span := parent.TracerProvider().Tracer("sical-backend").Start(ctx, name)
	return ctx, Span{span}
}

// Sampled tells whether a traceparent's trace is recorded: the last bit of its flags.
func Sampled(parent string) bool {
	return len(parent) == 55 && parent[54]&1 == 1
}

// Parent is the traceparent that makes others continue the span; empty for none.
func (s Span) Parent() string {
	if s.span == nil {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), s.span), carrier)
	return carrier["traceparent"]
}

// Current is the traceparent of the span that the context carries, empty unless it is
// sampled.
func Current(ctx context.Context) string {
	span := trace.SpanFromContext(ctx)
	if !span.SpanContext().IsSampled() {
		return ""
	}
	return Span{span}.Parent()
}

// Recording tells whether anyone will see the span.
func (s Span) Recording() bool { return s.span != nil && s.span.IsRecording() }

// Set adds attributes.
func (s Span) Set(attributes ...attribute.KeyValue) {
	if s.span != nil {
		s.span.SetAttributes(attributes...)
	}
}

// Fail marks the span as failed, without a text: errors may hold what people wrote.
func (s Span) Fail() {
	if s.span != nil {
		s.span.SetStatus(codes.Error, "")
	}
}

// End ends the span.
func (s Span) End() {
	if s.span != nil {
		s.span.End()
	}
}
