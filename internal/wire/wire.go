// Package wire is the form of an event on the bus: CloudEvents 1.0 attributes in
// binary mode (the NATS protocol binding: https://github.com/cloudevents/spec,
// bindings/nats-protocol-binding.md) as headers, the stored fact as the data, and
// the stream sequence as the position. What is personal stays sealed. It is the form, too,
// of what projectors tell of their commits.
package wire

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"sical-backend/events"
	"sical-backend/internal/bus"
)

// Stream is the JetStream stream that the log travels on; a message's sequence
// in it is the event's position.
const Stream = "SICAL_EVENTS"

// Root begins every subject that this system publishes on.
const Root = "sical."

const subjectPrefix = Root + "events."

// Subjects is what the stream takes in: one subject for each kind of stream.
const Subjects = subjectPrefix + "*"

// Appended is the core NATS subject on which a process that does not relay says
// that the log has grown.
const Appended = Root + "appended"

// Headers beside the CloudEvents ones, in the spelling they are stored in.
const (
	Incarnation = "Sical-Incarnation" // of the log
	Trace       = "traceparent"       // of what the message follows from (W3C Trace Context)
	Previous    = "Sical-Previous"    // position before this one
	Position    = "Sical-Position"    // where it is not the stream sequence: of events that are sent again
	version     = "Sical-Version"     // of the stream
	schema      = "Sical-Schema"      // of the stored form
	owner       = "Sical-Owner"
	recorded    = "Sical-Recorded"
	metadata    = "Sical-Metadata"
	id          = "ce-id"
	name        = "ce-type"
	stream      = "ce-subject"
	occurred    = "ce-time"
)

// further is how many headers may come to those of an event: a trace context, and
// what a publisher of the bus adds.
const further = 6

// Encode makes the message of an event of the log's incarnation.
func Encode(e events.Event, incarnation string) *bus.Message {
	fields := [...][2]string{
		{"ce-specversion", "1.0"},
		{"ce-source", "/sical"},
		{"ce-datacontenttype", "application/json"},
		{id, e.ID.String()},
		{name, e.Type},
		{stream, string(e.Stream)},
		{occurred, e.OccurredAt.UTC().Format(time.RFC3339Nano)},
		{recorded, e.RecordedAt.UTC().Format(time.RFC3339Nano)},
		{Incarnation, incarnation},
		{Previous, strconv.FormatUint(e.Position-1, 10)},
		{version, strconv.Itoa(e.Version)},
		{schema, strconv.Itoa(e.Schema)},
		{owner, e.Owner.String()},
		{metadata, string(e.RawMeta)},
	}
	// One array has all values: an event's headers are its greater part.
	values, header := make([]string, len(fields)), make(nats.Header, len(fields)+further)
	for i, f := range fields {
		values[i] = f[1]
		header[f[0]] = values[i : i+1 : i+1]
	}
	if parent := traceParent(e.RawMeta); parent != "" {
		header[Trace] = []string{parent}
	}
	return &bus.Message{Subject: subjectPrefix + string(e.Stream.Kind()), ID: value(header, id), Header: header, Data: e.Raw}
}

// Decode reads the event back, without decoding the fact itself.
func Decode(m bus.Message) (events.Event, error) {
	e := events.Event{
		Position: m.Seq,
		Stream:   events.Stream(value(m.Header, stream)),
		Type:     value(m.Header, name),
		Raw:      m.Data,
		RawMeta:  []byte(value(m.Header, metadata)),
	}
	e.Meta.TraceParent = value(m.Header, Trace)
	var errs [6]error
	e.ID, errs[0] = uuid.Parse(value(m.Header, id))
	e.Owner, errs[1] = uuid.Parse(value(m.Header, owner))
	e.Version, errs[2] = strconv.Atoi(value(m.Header, version))
	e.Schema, errs[3] = strconv.Atoi(value(m.Header, schema))
	e.OccurredAt, errs[4] = time.Parse(time.RFC3339Nano, value(m.Header, occurred))
	e.RecordedAt, errs[5] = time.Parse(time.RFC3339Nano, value(m.Header, recorded))
	for _, err := range errs {
		if err != nil {
			return e, fmt.Errorf("message %d is not an event of this system: %w", m.Seq, err)
		}
	}
	return e, nil
}

// value reads a header without the canonical spelling that Header.Get works out
// each time.
func value(h nats.Header, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// TraceParent is the trace context that an event came with, empty for none.
func TraceParent(e *events.Event) string {
	if e.Meta.TraceParent != "" {
		return e.Meta.TraceParent
	}
	return traceParent(e.RawMeta)
}

// traceParent finds the trace context in stored metadata without decoding it.
func traceParent(meta []byte) string {
	_, rest, found := bytes.Cut(meta, []byte(`"traceparent":"`))
	if !found {
		return ""
	}
	parent, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(parent)
}
