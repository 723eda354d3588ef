package openapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sical-backend/query/api"
)

// query describes a route of the query side.
func (b *builder) query(route api.Route) {
	op := &operation{
		OperationID: route.Name,
		Summary:     route.Doc,
		Description: "For: " + string(route.Access) + ".",
		Tags:        []string{tagOf(route.Path)},
		Security:    withToken,
		Parameters:  parameterRefs("IfNoneMatch", "MinPosition", "Prefer"),
	}
	if route.Access == api.Public {
		op.Security = eitherWay
	}
	headers := []string{"ETag", "Sical-Position", "Sical-Parked", "Cache-Control"}
	statuses := [][]int{{409}, always}
	missing := route.Access != api.Public || strings.Contains(route.Path, "{id}")
	for _, p := range route.Params {
		op.Parameters = append(op.Parameters, queryParameter(p))
		missing = missing || p.Name == "target_id"
		if p.Type == api.Moment {
			statuses = append(statuses, []int{422})
		}
	}
	if route.Access == api.Admins {
		statuses = append(statuses, []int{403})
	}
	if missing {
		statuses = append(statuses, []int{404})
	}
	unchanged := headerRefs(headers...)
	answer := b.body(route.Answer, answered)
	if strings.HasSuffix(answer["application/json"].Schema.Ref, "Page") {
		headers = append(headers, "Link")
	}
	op.Responses = answers(map[string]*response{
		"200": {Description: "The answer.", Headers: headerRefs(headers...), Content: answer},
		"304": {Description: "The client has it.", Headers: unchanged},
	}, statuses...)
	b.add(http.MethodGet, route.Path, op)
}

// queryParameter describes a parameter of the query string.
func queryParameter(p api.Param) *parameter {
	described := &parameter{Name: p.Name, In: "query", Description: p.Doc, Required: p.Required}
	bound := func(n int) jsontext.Value { return jsontext.Value(strconv.Itoa(n)) }
	switch p.Type {
	case api.ID:
		described.Schema = &schema{Type: "string", Format: "uuid"}
	case api.IDs:
		described.Style, described.Explode = "form", new(false)
		described.Schema = &schema{Type: "array", Items: &schema{Type: "string", Format: "uuid"}, MinItems: 1, MaxItems: 100}
	case api.Date:
		described.Schema = &schema{Type: "string", Format: "date"}
	case api.Integer:
		described.Schema = &schema{Type: "integer", Minimum: bound(p.Min), Maximum: bound(p.Max)}
	case api.Moment:
		// In a URL both are text: as an integer a position would be none to validators.
		described.Schema = &schema{OneOf: []*schema{{Type: "string", Pattern: "^[1-9][0-9]{0,18}$"}, {Type: "string", Format: "date-time"}}}
	case api.Boolean:
		described.Schema = &schema{Type: "boolean"}
	case api.Text:
		described.Schema = &schema{Type: "string", Enum: p.Enum}
		if p.Enum == nil {
			described.Schema.MinLength, described.Schema.MaxLength = bound(1), bound(200)
		}
	default:
		panic("openapi: no schema for parameters of type " + string(p.Type))
	}
	return described
}
