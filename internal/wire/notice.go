package wire

import (
	"github.com/go-json-experiment/json"

	"sical-backend/events"
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
	State       ViewState `json:"state,omitzero"`
	Keys        []string  `json:"keys,omitempty"`   // rows that changed, as RowName of the view names them
	Groups      []string  `json:"groups,omitempty"` // collections that a changed row stood in or stands in
	All         bool      `json:"all,omitzero"`     // too much changed to list it
	Forget      bool      `json:"forget,omitzero"`  // someone was erased: keep nothing that was read before
	Parks       bool      `json:"parks,omitzero"`   // what is parked has changed
	Flip        bool      `json:"flip,omitzero"`    // nothing moved: another build may be the one that is read
}

// ViewState is what a view is doing.
type ViewState string

// The states of a view. ViewLive is what none means in a Notice.
const (
	ViewLive   ViewState = "live"
	ViewPaused ViewState = "paused"
	ViewFailed ViewState = "failed"
)

const changesPrefix = Root + "changes."

// Changes is the core NATS subject of the notices of every view.
const Changes = changesPrefix + "*"

// ChangesOf is the core NATS subject of a view's notices.
func ChangesOf(view string) string { return changesPrefix + view }

// Encode gives the notice's form on the wire.
func (n Notice) Encode() ([]byte, error) { return json.Marshal(n) }

// DecodeNotice reads what Encode wrote.
func DecodeNotice(data []byte) (n Notice, err error) {
	return n, json.Unmarshal(data, &n)
}
