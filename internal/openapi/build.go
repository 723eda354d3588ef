package openapi

import (
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	command "sical-backend/command/api"
	query "sical-backend/query/api"
)

const description = `Plan what to learn, record what was learnt, and see how far it got.

**Commands** change something and answer its id, its version and the *position* by when the change is done.
**Queries** answer from views that follow the commands. Send a command's position as ` + "`Sical-Min-Position`" + ` to read your own write.

**For** says who may: a role (learner, curator, moderator, admin) includes those before it, and the owner is whose it is.
What is another's and private answers 404, what one sees and may not do 403.

Every GET is answered to HEAD as well. A path that takes other methods only answers 405, with code ` + "`method_not_allowed`" + `.
Bodies are strict: UTF-8 JSON without unknown, duplicate or null members.`

// builder is a document in the making.
type builder struct {
	document
	schemas schemas
}

// Document makes the OpenAPI document: JSON, the same bytes in every process of
// one build. It panics on a route or type that it cannot describe, which is a
// mistake in the program.
func Document() []byte {
	b := &builder{schemas: schemas{}}
	b.document = document{
		OpenAPI: "3.1.0",
		Info: info{
			Title: "sical", Version: "1", Description: description,
			Contact: contact{"sical-backend"},
			License: license{"All rights reserved", "LicenseRef-all-rights-reserved"},
		},
		Servers: []server{{"/", "where this document was found"}},
		Tags:    tags,
		Paths:   map[string]*pathItem{},
		Components: components{
			Schemas:    b.schemas,
			Parameters: parameters(),
			Headers:    answerHeaders(),
			Responses:  map[string]*response{},
			SecuritySchemes: map[string]securityScheme{
				"bearer": {"http", "bearer", "JWT", "access token of POST /v1/sessions"},
			},
		},
	}
	b.problems(b.schemas)
	for _, route := range command.Routes() {
		b.command(route)
	}
	b.batch()
	b.sessions()
	for _, route := range query.Routes() {
		b.query(route)
	}
	b.live()
	b.system()
	b.illustrate()
	doc, err := json.Marshal(&b.document, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		panic("openapi: " + err.Error())
	}
	return append(doc, '\n')
}

var tags = []tag{
	{"users", "People and their accounts."},
	{"sessions", "Logging in and out."},
	{"goals", "What somebody wants to reach."},
	{"paths", "Knowledge points in an order to learn them."},
	{"points", "Knowledge points: what there is to know."},
	{"assessments", "Tests and their scores."},
	{"comments", "What people say about goals, paths, points and assessments."},
	{"webhooks", "Where events are sent to as they happen."},
	{"live", "Answers as they change."},
	{"commands", "Many commands at once."},
	{"popular-goals", "What learners take up."},
	{"trending-points", "What learners are busy with."},
	{"statistics", "Figures of the whole system."},
	{"system", "Is it there, and what can it do."},
}

// add puts an operation on its path.
func (b *builder) add(method, path string, op *operation) {
	item := b.Paths[path]
	if item == nil {
		item = &pathItem{Parameters: parameterRefs("RequestId", "TraceParent")}
		if strings.Contains(path, "{id}") {
			item.Parameters = parameterRefs("Id", "RequestId", "TraceParent")
		}
		b.Paths[path] = item
	}
	place := item.at(method)
	if *place != nil {
		panic("openapi: described twice: " + method + " " + path)
	}
	*place = op
}

// body is a JSON body of the Go type of v.
func (b *builder) body(v any, u use) map[string]mediaType {
	return map[string]mediaType{"application/json": {Schema: b.schemas.of(reflect.TypeOf(v), u)}}
}

// tagOf is the tag of a path: what stands behind the version.
func tagOf(path string) string { return strings.Split(path, "/")[2] }

// The security of an operation: a token, none, or either.
var (
	withToken    = []map[string][]string{{"bearer": {}}}
	withoutToken = []map[string][]string{{}}
	eitherWay    = []map[string][]string{{}, {"bearer": {}}}
)
