package reconcile

import (
	"time"

	"sical-backend/events"
)

// Kind is in what a position differs.
type Kind string

// The kinds of Difference.
const (
	Missing   Kind = "missing"   // the stream lacks the event
	Foreign   Kind = "foreign"   // the stream has something there that is not in the log
	Different Kind = "different" // the event, with other data
	Reordered Kind = "reordered" // an event that stands elsewhere in the log
)

// Difference is one position at which the stream contradicts the log.
type Difference struct {
	Position uint64     `json:"position"`
	Kind     Kind       `json:"kind"`
	Log      *events.ID `json:"log_event_id,omitempty"`    // what the log has there
	Stream   *events.ID `json:"stream_event_id,omitempty"` // what the stream has there
	Belongs  uint64     `json:"belongs_at,omitzero"`       // where the log has that
}

// maxListed bounds how many differences a Report lists; all are counted.
const maxListed = 100

// Report is the outcome of a comparison.
type Report struct {
	From        uint64    `json:"from"` // the first position compared
	To          uint64    `json:"to"`   // the last one; before From where there was none
	Compared    uint64    `json:"compared"`
	Incarnation events.ID `json:"incarnation"`
	Head        uint64    `json:"head"` // of the log
	StreamFirst uint64    `json:"stream_first"`
	StreamLast  uint64    `json:"stream_last"`
	Behind      uint64    `json:"behind"` // events that the stream is still to get; no difference

	Missing     int          `json:"missing"`
	Foreign     int          `json:"foreign"`
	Different   int          `json:"different"`
	Reordered   int          `json:"reordered"`
	Differences []Difference `json:"differences,omitempty"` // the first hundred

	Repaired bool    `json:"repaired"`
	Seconds  float64 `json:"seconds"`

	created time.Time // which stream was compared
	lost    uint64    // the first place where it has an event of the log's incarnation that the log has not there; 0 for none
}

// Found is how many positions differ.
func (r *Report) Found() int { return r.Missing + r.Foreign + r.Different + r.Reordered }

func (r *Report) add(d Difference) {
	switch d.Kind {
	case Missing:
		r.Missing++
	case Foreign:
		r.Foreign++
	case Different:
		r.Different++
	case Reordered:
		r.Reordered++
	}
	if len(r.Differences) < maxListed {
		r.Differences = append(r.Differences, d)
	}
}
