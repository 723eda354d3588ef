package events

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// ID names an aggregate, an event, a command or a person: any RFC 9562 UUID.
type ID = uuid.UUID

// Kind is what a stream is about, the first part of its name and the last token
// of its NATS subject.
type Kind string

// The kinds of stream. Curriculum is one single stream that holds every
// prerequisite edge, so that the check against cycles is serialised by it.
const (
	KindUser       Kind = "user"
	KindGoal       Kind = "goal"
	KindPath       Kind = "path"
	KindPoint      Kind = "point"
	KindCurriculum Kind = "curriculum"
	KindStudy      Kind = "study"
	KindAssessment Kind = "assessment"
	KindComment    Kind = "comment"
	KindWebhook    Kind = "webhook"
)

// Stream names one aggregate's history: kind, a hyphen, the aggregate's id.
type Stream string

// Curriculum is the one stream of prerequisite edges.
const Curriculum = Stream(KindCurriculum)

// StreamOf names the stream of the aggregate id of a kind.
func StreamOf(k Kind, id ID) Stream { return Stream(string(k) + "-" + id.String()) }

// StreamsOf are those of several aggregates of a kind, in the order of the ids.
func StreamsOf(k Kind, ids []ID) []Stream {
	streams := make([]Stream, len(ids))
	for i, id := range ids {
		streams[i] = StreamOf(k, id)
	}
	return streams
}

// Kind is the part before the first hyphen.
func (s Stream) Kind() Kind {
	k, _, _ := strings.Cut(string(s), "-")
	return Kind(k)
}

// ID is the aggregate's id, or the zero ID for Curriculum.
func (s Stream) ID() ID {
	_, text, _ := strings.Cut(string(s), "-")
	id, _ := uuid.Parse(text)
	return id
}

// Event is a fact as it stands in the log.
type Event struct {
	Position   uint64 // the log's order: gapless, 1 for the first event
	ID         ID
	Stream     Stream
	Version    int       // of the stream: 1 for its first event
	Type       string    // the stored name, such as "goal.created"
	Schema     int       // version of the stored form
	Raw        []byte    // the fact as stored, its personal fields sealed
	Data       Data      // Raw decoded; nil where this binary does not know Type and Schema
	Owner      ID        // whose the aggregate is; zero for nobody's
	OccurredAt time.Time // in the years 1 to 9999
	RecordedAt time.Time // set under the append lock, never decreasing
	RawMeta    []byte
	Meta       Meta // RawMeta decoded
}

// Meta says who caused an event and in the course of what.
type Meta struct {
	Actor       ID     `json:"actor,omitzero"`
	Command     ID     `json:"command,omitzero"`
	Correlation string `json:"correlation,omitempty"` // the request id it began with
	Causation   ID     `json:"causation,omitzero"`    // the event that a reaction answered
	TraceParent string `json:"traceparent,omitempty"` // W3C Trace Context
}

// Decode fills Data and Meta from what is stored. It fails with UnknownType for
// an event of a newer binary.
func (e *Event) Decode() (err error) {
	if len(e.RawMeta) > 0 {
		if err := json.Unmarshal(e.RawMeta, &e.Meta); err != nil {
			return fmt.Errorf("metadata of event %d: %w", e.Position, err)
		}
	}
	e.Data, err = Decode(e.Type, e.Schema, e.Raw)
	return err
}
