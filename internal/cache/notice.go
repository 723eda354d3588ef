package cache

import (
	"github.com/go-json-experiment/json"

	"sical-backend/events"
	"sical-backend/projections"
)

// Notice tells what one commit of a projector changed in a view. From is the To
// of the notice before it, so that whoever sees a notice that does not continue
// the last one knows that it has missed some.
type Notice struct {
	View        string    `json:"view"`
	Version     int       `json:"version"`
	Build       int       `json:"build"`
	Shard       int       `json:"shard"`       // that moved; the chain of notices is the shard's
	Incarnation events.ID `json:"incarnation"` // of the log that the positions belong to
	Epoch       int64     `json:"epoch"`       // of the shard's owner; a later owner's is greater
	From        uint64    `json:"from"`
	To          uint64    `json:"to"`    // every event up to here is in the rows
	Saved       uint64    `json:"saved"` // the checkpoint in the database, which may trail To over events of no concern
	State       State     `json:"state,omitzero"`
	Keys        []string  `json:"keys,omitempty"`   // rows that changed, as RowName gives them
	Groups      []string  `json:"groups,omitempty"` // collections that a changed row stood in or stands in
	All         bool      `json:"all,omitzero"`     // too much changed to list it
	Forget      bool      `json:"forget,omitzero"`  // someone was erased: keep nothing that was read before
	Parks       bool      `json:"parks,omitzero"`   // what is parked has changed
	Flip        bool      `json:"flip,omitzero"`    // nothing moved: another build may be the one that is read
}

// of is the build that the notice is about.
func (n Notice) of() projections.Build {
	return projections.Build{View: n.View, Version: n.Version, Number: n.Build}
}

// State is what a view is doing.
type State string

// The states of a view. Live is the zero State's meaning in a Notice.
const (
	Live   State = "live"
	Paused State = "paused"
	Failed State = "failed"
)

// Subjects is the NATS subject of the notices of every view.
const Subjects = "sical.changes.*"

// Subject is the NATS subject of a view's notices.
func Subject(view string) string { return "sical.changes." + view }

// RowName is the name under which answers depend on one row of a view.
func RowName(view, key string) string { return view + "/" + key }

// Encode gives the notice's form on the wire.
func (n Notice) Encode() ([]byte, error) { return json.Marshal(n) }

// DecodeNotice reads what Encode wrote.
func DecodeNotice(data []byte) (n Notice, err error) {
	return n, json.Unmarshal(data, &n)
}
