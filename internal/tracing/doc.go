// Package tracing follows a command through the system as one trace (OpenTelemetry):
// from its request through append, relay and bus to each view that folds what it
// did. Across the log and the bus it travels as a traceparent (W3C Trace Context,
// https://www.w3.org/TR/trace-context/), in an event's metadata and in a message's
// header.
//
// It is off unless the standard variables ask for it; see Start. A nil *Tracer and
// the zero Span do nothing, so that nobody who is traced need know.
package tracing
