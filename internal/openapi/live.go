package openapi

import (
	"net/http"

	command "sical-backend/command/api"
	query "sical-backend/query/api"
)

// live describes how answers are followed.
func (b *builder) live() {
	b.add(http.MethodPost, "/v1/stream-tickets", &operation{
		OperationID: "giveStreamTicket",
		Summary:     "Get a ticket for a live stream.",
		Description: "For browsers, whose EventSource sends no token. It can be used once, within 30 seconds; the stream ends with the token it was asked for with.",
		Tags:        []string{"live"}, Security: withToken,
		Responses: answers(map[string]*response{"201": {
			Description: "The ticket.", Headers: headerRefs("Cache-Control"), Content: b.body(command.Ticket{}, answered),
		}}, withBody),
	})
	op := &operation{
		OperationID: "followStream",
		Summary:     "Follow an answer as it changes.",
		Description: "Server-sent events. `change` has the whole answer, as GET gives it, and an id of the log's incarnation, the position and the answer's digest; " +
			"`reset` says that what the client has is of another history of the log, and comes before the whole answer; `end` says by its `code` (`session_ended`, `not_found`) why nothing more comes. " +
			"A stream ends with the access token that it was opened with: `session_ended` says that this, or the session, is over. " +
			"Get a new token by POST /v1/sessions/refresh (only its 401 means to log in again), and open the stream anew with the last id: an EventSource with a new ticket and `last_event_id`. " +
			"A user may have 20 open in a process (429), a process 10,000 (503). " +
			"A comment comes every 15 seconds. Opened anew with the last id, it sends nothing that the client has, and never anything older. " +
			"With `Sical-Min-Position` it begins with an answer from that position on; an EventSource cannot send that.",
		Tags: []string{"live"}, Security: eitherWay,
		Parameters: append(parameterRefs("MinPosition", "Prefer"),
			&parameter{Name: "Last-Event-ID", In: "header", Description: "id of the last event that the client has", Schema: text()}),
	}
	for _, p := range query.StreamParams() {
		op.Parameters = append(op.Parameters, queryParameter(p))
	}
	op.Responses = answers(map[string]*response{"200": {
		Description: "The stream.", Headers: headerRefs("Cache-Control"), Content: map[string]mediaType{"text/event-stream": {Schema: text()}},
	}}, []int{404, 409}, always)
	b.add(http.MethodGet, query.StreamPath, op)
}
