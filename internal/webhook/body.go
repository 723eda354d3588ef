package webhook

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sical-backend/events"
	"sical-backend/internal/reaction"
)

// cloudEvent is the body of a delivery: CloudEvents 1.0 in structured mode
// (https://github.com/cloudevents/spec, cloudevents/formats/json-format.md), with
// extensions of our own. Positions are text, as the specification's integers have
// 32 bits.
type cloudEvent struct {
	SpecVersion     string         `json:"specversion"`
	ID              string         `json:"id"`
	Source          string         `json:"source"`
	Type            string         `json:"type"`
	Subject         string         `json:"subject"` // the stream
	Time            string         `json:"time"`    // when it happened
	DataContentType string         `json:"datacontenttype"`
	Position        string         `json:"position"`
	Incarnation     string         `json:"incarnation"` // of the log that the position belongs to
	Version         int            `json:"streamversion"`
	Schema          int            `json:"schemaversion"`
	Owner           string         `json:"owner,omitempty"`
	Actor           string         `json:"actor,omitempty"`
	Correlation     string         `json:"correlationid,omitempty"`
	TraceParent     string         `json:"traceparent,omitempty"`
	Recorded        string         `json:"recordedtime"`
	Data            jsontext.Value `json:"data"`
}

// body renders a stored event without what events.Type.Withheld names: what is about a
// person could not be forgotten any more once it is sent away, and one receiver's address
// is not another's to know. Whoever may see it asks the API by the id.
func body(e events.Event, incarnation events.ID) ([]byte, error) {
	if err := e.Decode(); errors.As(err, new(events.UnknownType)) {
		return nil, fmt.Errorf("%w: %w", reaction.ErrUnknown, err)
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w", reaction.ErrPoison, err)
	}
	data, err := outside(e)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", reaction.ErrPoison, err)
	}
	c := cloudEvent{
		SpecVersion: "1.0", ID: e.ID.String(), Source: "/sical", Type: e.Type, Subject: string(e.Stream),
		Time: e.OccurredAt.UTC().Format(time.RFC3339Nano), DataContentType: "application/json",
		Position: strconv.FormatUint(e.Position, 10), Incarnation: incarnation.String(), Version: e.Version, Schema: e.Schema,
		Correlation: e.Meta.Correlation, TraceParent: e.Meta.TraceParent,
		Recorded: e.RecordedAt.UTC().Format(time.RFC3339Nano), Data: data,
	}
	if e.Owner != (events.ID{}) {
		c.Owner = e.Owner.String()
	}
	if e.Meta.Actor != (events.ID{}) {
		c.Actor = e.Meta.Actor.String()
	}
	return json.Marshal(c)
}

// outside is the event's data, in its current form, without the fields that are withheld.
func outside(e events.Event) (jsontext.Value, error) {
	raw, err := events.Encode(e.Data)
	if err != nil {
		return nil, err
	}
	withheld := events.TypeOf(e.Data).Withheld()
	if len(withheld) == 0 {
		return raw, nil
	}
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	for _, name := range withheld {
		delete(fields, name)
	}
	return json.Marshal(fields, json.Deterministic(true))
}
