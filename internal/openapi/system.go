package openapi

import "net/http"

// health is the answer of the routes that orchestrators ask.
type health struct {
	Status string            `json:"status" doc:"ok; of readiness ready, not ready or draining"`
	Checks map[string]string `json:"checks,omitempty" doc:"by what was asked: ok, or why it is not"`
}

// system describes the routes that are about the system itself.
func (b *builder) system() {
	asked := func(path, id, summary, description string, own map[string]*response, others ...int) {
		b.add(http.MethodGet, path, &operation{
			OperationID: id, Summary: summary, Description: description, Tags: []string{"system"}, Security: withoutToken,
			Responses: answers(own, append(others, 414, 500)),
		})
	}
	state := func(said string) *response {
		return &response{Description: said, Headers: map[string]*header{"X-Request-ID": {Ref: "#/components/headers/X-Request-ID"}}, Content: b.body(health{}, answered)}
	}
	for path, id := range map[string]string{"/health": "getHealth", "/livez": "getLive"} {
		asked(path, id, "Does the process live?", "Asks nothing of Postgres or NATS.",
			map[string]*response{"200": state("It does.")})
	}
	for path, id := range map[string]string{"/ready": "getReadiness", "/readyz": "getReady"} {
		asked(path, id, "Can it do its work?", "Asks what the process depends on.",
			map[string]*response{"200": state("It can."), "503": state("It cannot, for now.")})
	}
	file := func(said, media string, s *schema) *response {
		return &response{Description: said, Headers: headerRefs("ETag", "Cache-Control"), Content: map[string]mediaType{media: {Schema: s}}}
	}
	unchanged := &response{Description: "The client has it.", Headers: headerRefs("ETag", "Cache-Control")}
	asked("/openapi.json", "getOpenAPI", "This document.", "OpenAPI 3.1.",
		map[string]*response{"200": file("The document.", "application/json", &schema{Type: "object"}), "304": unchanged}, 401, 429)
	asked("/asyncapi.json", "getAsyncAPI", "The events on NATS.", "AsyncAPI 3.0. The same for people is the catalogue at /docs/events.",
		map[string]*response{"200": file("The document.", "application/json", &schema{Type: "object"}), "304": unchanged}, 401, 429)
	asked("/docs/events", "getEventCatalogue", "The events on NATS, to read.", "Markdown: each event with its fields, and which of them webhooks are not sent.",
		map[string]*response{"200": file("The catalogue.", "text/markdown", text()), "304": unchanged}, 401, 429)
	asked("/docs", "getDocs", "This document, to read.", "A page that loads nothing from elsewhere.",
		map[string]*response{"200": file("The page.", "text/html", text()), "304": unchanged}, 401, 429)
}
