package web

import "net/http"

// Code names a kind of problem. Codes are part of the API's contract: clients
// branch on them, so a code is never renamed and never changes its status.
type Code string

// The closed list of codes a Problem carries at its top level.
const (
	BadRequest           Code = "bad_request"
	BadJSON              Code = "bad_json"
	UnknownField         Code = "unknown_field"
	DuplicateField       Code = "duplicate_field"
	InvalidField         Code = "invalid_field"
	InvalidParameter     Code = "invalid_parameter"
	InvalidHeader        Code = "invalid_header"
	Unauthenticated      Code = "unauthenticated"
	Forbidden            Code = "forbidden"
	NotFound             Code = "not_found"
	MethodNotAllowed     Code = "method_not_allowed"
	Conflict             Code = "conflict"
	PositionUnknown      Code = "position_unknown"
	VersionMismatch      Code = "version_mismatch"
	TooLarge             Code = "too_large"
	URITooLong           Code = "uri_too_long"
	UnsupportedMediaType Code = "unsupported_media_type"
	RuleViolated         Code = "rule_violated"
	IdempotencyKeyReused Code = "idempotency_key_reused"
	TooManyRequests      Code = "too_many_requests"
	ClientClosedRequest  Code = "client_closed_request"
	Internal             Code = "internal"
	Overloaded           Code = "overloaded"
	Unavailable          Code = "unavailable"
	NotCaughtUp          Code = "not_caught_up"
	ViewPaused           Code = "view_paused"
	ViewParked           Code = "view_parked"
)

// statusClientClosed is nginx's 499: the client left before the answer. It
// reaches nobody; it keeps such requests apart from failures in the metrics.
const statusClientClosed = 499

// meanings are the status and title of each code.
var meanings = map[Code]struct {
	status int
	title  string
}{
	BadRequest:           {http.StatusBadRequest, "Bad request"},
	BadJSON:              {http.StatusBadRequest, "Not the JSON that was expected"},
	UnknownField:         {http.StatusBadRequest, "Unknown field"},
	DuplicateField:       {http.StatusBadRequest, "Duplicate field"},
	InvalidField:         {http.StatusBadRequest, "Invalid field"},
	InvalidParameter:     {http.StatusBadRequest, "Invalid query parameter"},
	InvalidHeader:        {http.StatusBadRequest, "Invalid header"},
	Unauthenticated:      {http.StatusUnauthorized, "Authentication required"},
	Forbidden:            {http.StatusForbidden, "Not allowed"},
	NotFound:             {http.StatusNotFound, "Not found"},
	MethodNotAllowed:     {http.StatusMethodNotAllowed, "Method not allowed"},
	Conflict:             {http.StatusConflict, "Conflict with the current state"},
	PositionUnknown:      {http.StatusConflict, "Position beyond the end of the log"},
	VersionMismatch:      {http.StatusPreconditionFailed, "Changed in the meantime"},
	TooLarge:             {http.StatusRequestEntityTooLarge, "Request body too large"},
	URITooLong:           {http.StatusRequestURITooLong, "URL too long"},
	UnsupportedMediaType: {http.StatusUnsupportedMediaType, "Unsupported media type"},
	RuleViolated:         {http.StatusUnprocessableEntity, "Refused by a rule"},
	IdempotencyKeyReused: {http.StatusUnprocessableEntity, "Idempotency key used for another request"},
	TooManyRequests:      {http.StatusTooManyRequests, "Too many requests"},
	ClientClosedRequest:  {statusClientClosed, "Client closed the request"},
	Internal:             {http.StatusInternalServerError, "Internal error"},
	Overloaded:           {http.StatusServiceUnavailable, "Overloaded"},
	Unavailable:          {http.StatusServiceUnavailable, "Temporarily unavailable"},
	NotCaughtUp:          {http.StatusServiceUnavailable, "View has not caught up"},
	ViewPaused:           {http.StatusServiceUnavailable, "View is paused"},
	ViewParked:           {http.StatusServiceUnavailable, "View has parked this key"},
}

// meaning gives the status and title of a code. Unlisted codes are programming
// errors and count as Internal.
func (c Code) meaning() (status int, title string) {
	m, listed := meanings[c]
	if !listed {
		m = meanings[Internal]
	}
	return m.status, m.title
}

// Status is the HTTP status a problem of this code is answered with.
func (c Code) Status() int {
	status, _ := c.meaning()
	return status
}

// codeOf is the general code for a bare HTTP status, as Echo's own errors bring.
func codeOf(status int) Code {
	switch status {
	case http.StatusUnauthorized:
		return Unauthenticated
	case http.StatusForbidden:
		return Forbidden
	case http.StatusNotFound:
		return NotFound
	case http.StatusMethodNotAllowed:
		return MethodNotAllowed
	case http.StatusConflict:
		return Conflict
	case http.StatusPreconditionFailed:
		return VersionMismatch
	case http.StatusRequestEntityTooLarge:
		return TooLarge
	case http.StatusRequestURITooLong:
		return URITooLong
	case http.StatusUnsupportedMediaType:
		return UnsupportedMediaType
	case http.StatusUnprocessableEntity:
		return RuleViolated
	case http.StatusTooManyRequests:
		return TooManyRequests
	case http.StatusServiceUnavailable:
		return Unavailable
	}
	if status >= 400 && status < 500 {
		return BadRequest
	}
	return Internal
}
