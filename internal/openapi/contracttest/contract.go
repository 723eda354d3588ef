// Package contracttest holds tests to the OpenAPI document: a client that checks
// each request and each answer against it.
package contracttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// Contract is a document to hold traffic to. It is safe for concurrent use.
type Contract struct {
	doc    *openapi3.T
	router routers.Router
}

// New reads a document. It fails where the document itself is not valid.
func New(doc []byte) (*Contract, error) {
	parsed, err := openapi3.NewLoader().LoadFromData(doc)
	if err != nil {
		return nil, err
	}
	closeObjects(parsed)
	router, err := legacy.NewRouter(parsed)
	if err != nil {
		return nil, err
	}
	return &Contract{doc: parsed, router: router}, nil
}

// closeObjects forbids members that the document does not name. Clients have to
// bear new ones in answers; a test is to find them.
func closeObjects(doc *openapi3.T) {
	for _, s := range doc.Components.Schemas {
		if s.Value.Type.Is("object") && s.Value.AdditionalProperties.Has == nil {
			s.Value.AdditionalProperties.Has = new(false)
		}
	}
}

// Client is a client whose traffic must be as the document says; t fails where
// it is not. Use it while t runs.
func (c *Contract) Client(t testing.TB) *http.Client {
	connections := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(connections.CloseIdleConnections) // or their goroutines outlive the test
	return &http.Client{
		Transport:     c.Transport(t, connections),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Transport checks what goes through next.
func (c *Contract) Transport(t testing.TB, next http.RoundTripper) http.RoundTripper {
	return &transport{c, t, next}
}

type transport struct {
	contract *Contract
	t        testing.TB
	next     http.RoundTripper
}

// RoundTrip carries a request out and checks it.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		sent, err = io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = r.Body.Close() // it is read
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	answer, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	received, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close() // it is read, or broken
	answer.Body = io.NopCloser(bytes.NewReader(received))
	if err != nil {
		return answer, err
	}
	if err := t.contract.check(r, sent, answer, received); err != nil {
		t.t.Errorf("contract: %s %s answered %d: %v\nrequest:  %s\nanswer:   %s",
			r.Method, r.URL.RequestURI(), answer.StatusCode, err, clip(sent), clip(received))
	}
	return answer, nil
}

func clip(body []byte) []byte { return body[:min(len(body), 2000)] }

// check compares an exchange with the document.
func (c *Contract) check(r *http.Request, sent []byte, answer *http.Response, received []byte) error {
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(sent))
	head := r.Method == http.MethodHead
	if head {
		r.Method = http.MethodGet // HEAD is answered as GET is
	}
	route, pathParams, err := c.router.FindRoute(&http.Request{Method: r.Method, URL: &url.URL{Path: r.URL.Path}})
	if err != nil {
		return c.stray(answer, received)
	}
	encoded := answer.Header.Get("Content-Encoding") != "" // asked for by the test, for it to look at
	options := &openapi3filter.Options{
		AuthenticationFunc:                openapi3filter.NoopAuthenticationFunc,
		SkipSettingDefaults:               true,
		IncludeResponseStatus:             true,
		RejectWhenRequestBodyNotSpecified: true,
		ExcludeResponseBody:               head || encoded,
		MultiError:                        true,
	}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: pathParams, Route: route, Options: options}
	if answer.StatusCode < 400 && !refusedInPart(received) {
		if err := known(route, r.URL.Query()); err != nil {
			return err
		}
		if err := openapi3filter.ValidateRequest(r.Context(), request); err != nil {
			return fmt.Errorf("accepted a request that is not in the document: %w", err)
		}
	}
	if route.Operation.Responses.Status(answer.StatusCode) == nil {
		return fmt.Errorf("the document has no such answer of %s", route.Operation.OperationID)
	}
	return openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request,
		Status:                 answer.StatusCode,
		Header:                 answer.Header,
		Body:                   io.NopCloser(bytes.NewReader(received)),
		Options:                options,
	})
}

// refusedInPart tells whether this answers a batch with a command that was
// refused: that one need not be in the document.
func refusedInPart(received []byte) bool {
	var answer struct {
		Verdicts []struct {
			Status int `json:"status"`
		} `json:"verdicts"`
	}
	if json.Unmarshal(received, &answer) != nil {
		return false
	}
	for _, v := range answer.Verdicts {
		if v.Status >= 400 {
			return true
		}
	}
	return false
}

// known refuses query parameters that the document does not name.
func known(route *routers.Route, query url.Values) error {
	for name := range query {
		if route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return fmt.Errorf("accepted the parameter %q, which is not in the document", name)
		}
	}
	return nil
}
