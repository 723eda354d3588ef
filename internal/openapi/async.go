package openapi

import (
	_ "embed"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sical-backend/events"
)

// The objects of AsyncAPI 3.0 (https://www.asyncapi.com/docs/reference/specification/v3.0.0),
// as far as they are used here; names are the specification's.
type (
	asyncDocument struct {
		AsyncAPI           string                    `json:"asyncapi"`
		ID                 string                    `json:"id"`
		Info               asyncInfo                 `json:"info"`
		DefaultContentType string                    `json:"defaultContentType"`
		Servers            map[string]asyncServer    `json:"servers"`
		Channels           map[string]asyncChannel   `json:"channels"`
		Operations         map[string]asyncOperation `json:"operations"`
		Components         asyncComponents           `json:"components"`
	}
	asyncInfo struct {
		Title       string       `json:"title"`
		Version     string       `json:"version"`
		Description string       `json:"description"`
		Contact     asyncContact `json:"contact"`
		License     asyncLicense `json:"license"`
		Tags        []tag        `json:"tags"`
	}
	asyncContact struct {
		Name string `json:"name"`
	}
	asyncLicense struct {
		Name string `json:"name"`
	}
	asyncServer struct {
		Host        string      `json:"host"`
		Protocol    string      `json:"protocol"`
		Description string      `json:"description"`
		Security    []reference `json:"security"`
	}
	reference struct {
		Ref string `json:"$ref"`
	}
	asyncChannel struct {
		Address     string               `json:"address"`
		Title       string               `json:"title"`
		Description string               `json:"description"`
		Messages    map[string]reference `json:"messages"`
	}
	asyncOperation struct {
		Action      string    `json:"action"`
		Channel     reference `json:"channel"`
		Title       string    `json:"title"`
		Description string    `json:"description"`
	}
	asyncMessage struct {
		Name        string    `json:"name"`
		Title       string    `json:"title"`
		Description string    `json:"description"`
		Headers     reference `json:"headers"`
		Payload     reference `json:"payload"`
		Schema      int       `json:"x-schema"`         // of the stored form
		Final       bool      `json:"x-final,omitzero"` // no event follows it in its stream
		Old         bool      `json:"x-old,omitzero"`   // no longer written
	}
	asyncComponents struct {
		Messages        map[string]asyncMessage `json:"messages"`
		Schemas         schemas                 `json:"schemas"`
		SecuritySchemes map[string]asyncScheme  `json:"securitySchemes"`
	}
	asyncScheme struct {
		Type        string `json:"type"`
		Description string `json:"description"`
	}
)

const asyncDescription = `Every fact of the log, as it travels over NATS JetStream: stream SICAL_EVENTS, whose sequence is the event's position.

A message is a CloudEvent in binary mode: the attributes are headers, the data is the payload. ` + "`Sical-Previous`" + ` names the position
before: where it is not the last one that was read, messages are missing, and ` + "`sical events replay`" + ` sends them again on a subject of the
reader's own. Another ` + "`Sical-Incarnation`" + ` than before says that the log was put back to an earlier point: positions are given anew.

Delivery is at least once. The stream keeps what its limits allow, and may be made anew; a durable consumer goes with it. So keep the
position and the incarnation with what was made of the events. Types, schemas and fields may be added: step over what is not known.`

//go:embed eventdocs.json
var eventDocs []byte

// EventDocs is what the comments in the source said of the event types at the build, by
// the name of the Go type.
func EventDocs() (docs map[string]string) {
	if err := json.Unmarshal(eventDocs, &docs); err != nil {
		panic("openapi: " + err.Error())
	}
	return docs
}

// Events makes the AsyncAPI document of the events on the stream, with docs as EventDocs
// returns them: JSON, the same bytes in every process of one build.
func Events(docs map[string]string) []byte {
	d := asyncDocument{
		AsyncAPI: "3.0.0", ID: "urn:sical:events", DefaultContentType: "application/json",
		Info: asyncInfo{
			Title: "sical events", Version: "1", Description: asyncDescription,
			Contact: asyncContact{"sical-backend"}, License: asyncLicense{"All rights reserved"},
			Tags: []tag{{"events", "Facts, in the order in which they were recorded."}},
		},
		Servers: map[string]asyncServer{"nats": {
			Host: "localhost:4222", Protocol: "nats",
			Description: "The NATS that sical runs on. Of a running `sical serve` the URL with its credential is `nats_url` in run.json of the data folder.",
			Security:    []reference{{"#/components/securitySchemes/user"}},
		}},
		Channels: map[string]asyncChannel{}, Operations: map[string]asyncOperation{},
		Components: asyncComponents{
			Messages: map[string]asyncMessage{}, Schemas: schemas{"Headers": eventHeaders()},
			SecuritySchemes: map[string]asyncScheme{"user": {"userPassword", "a user of the NATS server that may read the stream"}},
		},
	}
	for _, t := range events.Types() {
		d.add(t, docs[t.GoType().Name()])
	}
	doc, err := json.Marshal(&d, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		panic("openapi: " + err.Error())
	}
	return append(doc, '\n')
}

// add describes one stored form.
func (d *asyncDocument) add(t *events.Type, doc string) {
	kind, key := string(t.Kind()), fmt.Sprintf("%s.%d", t.Name, t.Schema)
	if _, there := d.Channels[kind]; !there {
		d.Channels[kind] = asyncChannel{
			Address: "sical.events." + kind, Title: "Events of streams of the kind " + kind,
			Description: "In the log's order, beside those of the other kinds.", Messages: map[string]reference{},
		}
		d.Operations["send-"+kind] = asyncOperation{
			Action: "send", Channel: reference{"#/channels/" + kind}, Title: "What was recorded of the kind " + kind,
			Description: "Sent within milliseconds after the fact was recorded.",
		}
	}
	d.Channels[kind].Messages[key] = reference{"#/components/messages/" + key}
	d.Components.Messages[key] = asyncMessage{
		Name: t.Name, Title: t.Name, Description: doc, Schema: t.Schema, Final: t.Final, Old: t.Old(),
		Headers: reference{"#/components/schemas/Headers"}, Payload: reference{d.Components.Schemas.of(t.GoType(), recorded).Ref},
	}
}

// eventHeaders is the schema of what internal/wire writes.
func eventHeaders() *schema {
	h := &schema{Type: "object", Description: "CloudEvents 1.0 attributes, and the log's own."}
	for _, p := range []struct{ name, format, doc string }{
		{"ce-specversion", "", "1.0"},
		{"ce-source", "", "/sical"},
		{"ce-datacontenttype", "", "application/json"},
		{"ce-id", "uuid", "The event's id; also Nats-Msg-Id."},
		{"ce-type", "", "The stored name, such as goal.created."},
		{"ce-subject", "", "The stream: kind, a hyphen, the aggregate's id."},
		{"ce-time", "date-time", "When it happened."},
		{"Sical-Recorded", "date-time", "When it was recorded; never before that of an earlier position."},
		{"Sical-Incarnation", "uuid", "Which history of the log the position belongs to."},
		{"Sical-Previous", "", "The position before this one; the event's own is one more, and the stream sequence."},
		{"Sical-Version", "", "Of the stream: 1 for its first event."},
		{"Sical-Schema", "", "Of the stored form."},
		{"Sical-Owner", "uuid", "Whose the aggregate is; zero for nobody's."},
		{"Sical-Metadata", "", "JSON: actor, command, correlation, causation, traceparent, each where there is one."},
		{"Sical-Position", "", "The event's position; only on what is sent again on another subject."},
		{"traceparent", "", "W3C Trace Context, where there is one."},
	} {
		h.Properties = append(h.Properties, property{p.name, &schema{Type: "string", Format: p.format, Description: p.doc}})
		if p.name != "Sical-Position" && p.name != "traceparent" {
			h.Required = append(h.Required, p.name)
		}
	}
	return h
}

// Catalogue lists every event for people, in Markdown: what it says, by docs as EventDocs
// returns them, and its fields.
func Catalogue(docs map[string]string) []byte {
	var b strings.Builder
	b.WriteString("# Events\n\nEvery fact that can stand in the log. A name or a field never changes; see also `sical asyncapi`.\n" +
		"Deliveries to webhooks leave out what is marked as not sent to them.\n")
	kind := events.Kind("")
	for _, t := range events.Types() {
		if t.Kind() != kind {
			kind = t.Kind()
			fmt.Fprintf(&b, "\n## %s\n\nSubject `sical.events.%s`.\n", kind, kind)
		}
		fmt.Fprintf(&b, "\n### %s, schema %d\n\n%s", t.Name, t.Schema, docs[t.GoType().Name()])
		if t.Final {
			b.WriteString(" No event follows it in its stream.")
		}
		b.WriteString("\n")
		catalogueFields(&b, t)
	}
	return []byte(b.String())
}

func catalogueFields(b *strings.Builder, kind *events.Type) {
	t := kind.GoType()
	if t.NumField() > 0 {
		b.WriteString("\n| field | type | |\n|---|---|---|\n")
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		var notes []string
		if option != "" {
			notes = append(notes, "absent where there is none")
		}
		if slices.Contains(kind.Withheld(), name) {
			notes = append(notes, "not sent to webhooks")
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, goName(f.Type), strings.Join(notes, "; "))
	}
}

// goName is how the catalogue names a type.
func goName(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return goName(t.Elem())
	case t == reflect.TypeFor[events.ID]():
		return "UUID"
	case t == reflect.TypeFor[events.Personal]():
		return "text, sealed"
	case t == reflect.TypeFor[events.Date]():
		return "date"
	case t == reflect.TypeFor[events.Hundredths]():
		return "number, two places"
	case t.Kind() == reflect.Slice:
		return "list of " + goName(t.Elem())
	case strings.HasPrefix(t.Name(), "Change["):
		return "from and to, each " + goName(t.Field(0).Type)
	case t.Kind() == reflect.Struct:
		return t.Name()
	case t.Kind() == reflect.String:
		return "text"
	case t.Kind() == reflect.Bool:
		return "boolean"
	}
	return "integer"
}
