package web

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"sical-backend/internal/jsonwriter"
)

// ProblemType is the media type of every error answer (RFC 9457).
const ProblemType = "application/problem+json"

// FieldError says what is wrong with one part of a request. Exactly one of
// Pointer (RFC 6901, into the body), Parameter (of the query) and Header is told:
// the pointer where neither of the others is set, and "" is the whole body.
// As an error returned by a field's own UnmarshalJSON or UnmarshalText it decides
// code and detail; the decoder fills in the pointer.
type FieldError struct {
	Pointer   string `json:"pointer,omitempty" doc:"place in the body (RFC 6901); empty for the whole body"`
	Parameter string `json:"parameter,omitempty" doc:"name of the query parameter"`
	Header    string `json:"header,omitempty" doc:"name of the header"`
	Code      string `json:"code" doc:"what to branch on: stable, snake_case"`
	Detail    string `json:"detail,omitempty" doc:"one sentence for the client's developer"`
}

// MarshalJSON writes the pointer to the whole body too, which an omitempty drops.
func (f FieldError) MarshalJSON() ([]byte, error) {
	type members FieldError // without this method
	if f.Pointer != "" || f.Parameter != "" || f.Header != "" {
		return json.Marshal(members(f))
	}
	return json.Marshal(struct {
		Pointer string `json:"pointer"`
		Code    string `json:"code"`
		Detail  string `json:"detail,omitempty"`
	}{"", f.Code, f.Detail})
}

// Error makes a FieldError an error.
func (f FieldError) Error() string { return f.Code + ": " + f.Detail }

// Problem is an error meant for the client. Return it (wrapped, if a log line
// needs more) from a handler; ErrorHandler answers it as RFC 9457 says.
// Everything in it is shown to the client.
type Problem struct {
	Code       Code
	Detail     string
	Errors     []FieldError
	RetryAfter time.Duration // of 429 and 503; 0 means a second, and one to five of Unavailable
}

// NewProblem is a problem of that code; detail is one sentence for the client's
// developer and may be empty.
func NewProblem(code Code, detail string, errs ...FieldError) *Problem {
	return &Problem{Code: code, Detail: detail, Errors: errs}
}

// Error makes a Problem an error.
func (p *Problem) Error() string {
	s := string(p.Code)
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	for _, f := range p.Errors {
		s += "; " + f.Pointer + f.Parameter + f.Header + " " + f.Error()
	}
	return s
}

// Status is the HTTP status the problem is answered with.
func (p *Problem) Status() int { return p.Code.Status() }

// append writes p as it is answered. Instance is the request id: an opaque relative
// reference, enough to find the request in the logs. It is done by hand as a refusal is to
// cost next to nothing while there is too much to do: json.Marshal took a seventh of it. It
// fails for what is no UTF-8.
func (p *Problem) append(b []byte, instance string) ([]byte, error) {
	status, title := p.Code.meaning()
	code := p.Code
	if status == http.StatusInternalServerError {
		code = Internal // only listed codes go out
	}
	w := jsonwriter.Behind(b)
	w.Begin('{')
	w.Name("type").Text("urn:sical:problem:" + string(code))
	w.Name("title").Text(title)
	w.Name("status").Int(status)
	w.Optional("detail", p.Detail)
	w.Optional("instance", instance)
	w.Name("code").Text(string(code))
	if len(p.Errors) > 0 {
		w.Name("errors").Value(p.Errors)
	}
	w.End('}')
	return w.Result()
}
