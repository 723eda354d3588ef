package openapi

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"sical-backend/internal/web"
)

// problem is an error answer on the wire (RFC 9457), as web writes it.
type problem struct {
	Type     string           `json:"type" doc:"urn:sical:problem: and the code"`
	Title    string           `json:"title" doc:"the same for all problems of a code"`
	Status   int              `json:"status" doc:"of the HTTP answer"`
	Detail   string           `json:"detail,omitempty" doc:"one sentence for the client's developer"`
	Instance string           `json:"instance,omitempty" doc:"the request id, to find the request in the logs"`
	Code     web.Code         `json:"code" doc:"what to branch on: never renamed"`
	Errors   []web.FieldError `json:"errors,omitempty" doc:"what is wrong where: one of pointer (RFC 6901, into the body), parameter and header"`
}

// codes lists the problems that an operation can answer. Two are missing: 405
// is not an operation's own, and 499 reaches nobody.
var codes = []web.Code{
	web.BadRequest, web.BadJSON, web.UnknownField, web.DuplicateField, web.InvalidField, web.InvalidParameter,
	web.InvalidHeader, web.Unauthenticated, web.Forbidden, web.NotFound, web.Conflict, web.PositionUnknown,
	web.VersionMismatch, web.TooLarge, web.URITooLong, web.UnsupportedMediaType, web.RuleViolated,
	web.IdempotencyKeyReused, web.TooManyRequests, web.Internal, web.Overloaded, web.Unavailable, web.NotCaughtUp,
	web.ViewPaused, web.ViewParked,
}

// The statuses of the problems that any operation, and any with a body, can
// answer. A bad token is refused even where none is needed.
var (
	always   = []int{400, 401, 414, 429, 500, 503}
	withBody = append([]int{413, 415}, always...)
)

// problems makes the schema and, by status, the answers.
func (d *document) problems(s schemas) {
	s.of(reflect.TypeFor[problem](), answered)
	code := s["Problem"].property("code")
	byStatus := map[int][]string{}
	for _, c := range codes {
		code.Enum = append(code.Enum, string(c))
		byStatus[c.Status()] = append(byStatus[c.Status()], string(c))
	}
	code.Enum = append(code.Enum, string(web.MethodNotAllowed))
	for status, list := range byStatus {
		headers := []string{"X-Request-ID"}
		switch status {
		case http.StatusUnauthorized:
			headers = append(headers, "WWW-Authenticate")
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			headers = append(headers, "Retry-After")
		}
		d.Components.Responses[problemName(status)] = &response{
			Description: fmt.Sprintf("%s. Codes: `%s`.", http.StatusText(status), strings.Join(list, "`, `")),
			Headers:     headerRefs(headers...),
			Content:     map[string]mediaType{web.ProblemType: {Schema: &schema{Ref: "#/components/schemas/Problem"}}},
		}
	}
}

// answers adds the problems of the given statuses to an operation's own answers.
func answers(own map[string]*response, statuses ...[]int) map[string]*response {
	for _, status := range slices.Concat(statuses...) {
		own[strconv.Itoa(status)] = &response{Ref: "#/components/responses/" + problemName(status)}
	}
	return own
}

// problemName makes a component's name of a status, such as NotFound.
func problemName(status int) string {
	return strings.NewReplacer(" ", "", "-", "").Replace(http.StatusText(status))
}

// property is the member of that name.
func (s *schema) property(name string) *schema {
	i := slices.IndexFunc(s.Properties, func(p property) bool { return p.name == name })
	return s.Properties[i].schema
}
