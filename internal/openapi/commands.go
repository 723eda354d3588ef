package openapi

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"sical-backend/command"
	"sical-backend/command/api"
)

// command describes a route of the command side.
func (b *builder) command(route api.Route) {
	rule, ok := command.RuleNamed(route.Rule)
	if !ok {
		panic("openapi: no command is named " + route.Rule)
	}
	cmd := rule.New()
	name := reflect.TypeOf(cmd).Elem().Name()
	op := &operation{
		OperationID: strings.ToLower(name[:1]) + name[1:],
		Summary:     route.Doc,
		Description: fmt.Sprintf("For: %s. ", rule.For),
		Tags:        []string{tagOf(route.Path)},
		Security:    withToken,
		Parameters:  parameterRefs("IdempotencyKey"),
	}
	if rule.Provided != "" {
		op.Description += rule.Provided + " "
	}
	op.Description += fmt.Sprintf("In a batch: `%s`.", route.Rule)
	statuses := [][]int{{409, 422}, withBody}
	if rule.Anonymous() {
		op.Security = eitherWay
		op.Description += " Without a token an Idempotency-Key counts for the client's address (of IPv6 the whole one) and this path; " +
			"the password is left out of what tells equal requests from others. " +
			"A network that registers too many is told 429 and when to come again."
	} else {
		statuses = append(statuses, []int{403, 404}) // 404 of a creation: its author was erased meanwhile
	}
	if !rule.Bare() {
		op.RequestBody = b.commandBody(route, cmd)
	}
	headers := headerRefs("Sical-Position", "Idempotent-Replayed")
	success, said := "200", "Done."
	if route.Subject == api.FromBody {
		success, said = "201", "Created."
		headers["Location"] = &header{Ref: "#/components/headers/Location"}
	} else {
		op.Parameters = append(op.Parameters, parameterRefs("IfMatch")...)
		statuses = append(statuses, []int{412})
		if rule.About != rule.Kind {
			op.Description += fmt.Sprintf(" If-Match compares the version of the %s's own words, which this does not change.", rule.About)
		}
	}
	op.Responses = answers(map[string]*response{
		success: {Description: said, Headers: headers, Content: b.body(api.Answer{}, answered)},
	}, statuses...)
	b.add(route.Method, route.Path, op)
}

// commandBody is the command itself; only a creation may bring an id. Where no
// member is required, the body may be left out.
func (b *builder) commandBody(route api.Route, cmd command.Command) *requestBody {
	u := asked
	if route.Subject == api.FromBody {
		u = creating
	}
	content := b.body(cmd, u)
	required := b.schemas[reflect.TypeOf(cmd).Elem().Name()].Required
	if _, ok := cmd.(*command.RegisterUser); ok {
		content["application/json"] = mediaType{Schema: b.registration()}
	}
	return &requestBody{Required: route.Subject != api.FromPath || len(required) > 0, Content: content}
}

// registration is the one body in two forms: as anybody registers, and as an admin may.
func (b *builder) registration() *schema {
	person := *b.schemas["RegisterUser"]
	person.Description = "By an admin: somebody without an address, or who does not log in as there is no password."
	person.Required = []string{"username"}
	b.schemas["RegisterPerson"] = &person
	return &schema{AnyOf: []*schema{
		{Ref: "#/components/schemas/RegisterUser"},
		{Ref: "#/components/schemas/RegisterPerson"},
	}}
}

// batch describes the route that takes many commands.
func (b *builder) batch() {
	op := &operation{
		OperationID: "runCommands",
		Summary:     "Carry out many commands, each with a verdict of its own.",
		Description: "At most 1,000 commands and 1 MiB; ten of them count as one request more of the rate limit. Not atomic: each is decided on its predecessors' results. Sending it again is harmless. A verdict's status is what the command's own path would have answered.",
		Tags:        []string{"commands"},
		Security:    withToken,
		RequestBody: &requestBody{Required: true, Content: b.body(api.Batch{}, asked)},
	}
	op.Responses = answers(map[string]*response{"200": {
		Description: "A verdict for each command, in order.",
		Headers:     headerRefs(),
		Content:     b.body(api.Verdicts{}, answered),
	}}, []int{422}, withBody)
	op.Responses["200"].Headers["Sical-Position"] = &header{
		Description: "by when all are done; absent where none was", Schema: count(),
	}
	b.schemas["Batch"].property("commands").MaxItems = 1000
	line := b.schemas["Line"]
	for _, rule := range command.Rules() {
		line.property("type").Enum = append(line.property("type").Enum, rule.Name)
	}
	slices.Sort(line.property("type").Enum)
	data := line.property("data")
	data.Properties = properties{{"id", &schema{Type: "string", Format: "uuid", Description: "what it is about; new for a creation"}}}
	data.Required, data.AdditionalProperties = []string{"id"}, true
	line.Required = append(line.Required, "data")
	b.add(http.MethodPost, "/v1/commands", op)
}

// sessions describes logging in and out.
func (b *builder) sessions() {
	tokens := func(said string) *response {
		return &response{Description: said, Headers: headerRefs("Cache-Control"), Content: b.body(api.Tokens{}, answered)}
	}
	b.add(http.MethodPost, "/v1/sessions", &operation{
		OperationID: "logIn",
		Summary:     "Log in with username or e-mail address.",
		Description: "A wrong password and an unknown account are answered alike, and in the same time.",
		Tags:        []string{"sessions"}, Security: withoutToken,
		RequestBody: &requestBody{Required: true, Content: b.body(api.Login{}, asked)},
		Responses:   answers(map[string]*response{"201": tokens("Logged in.")}, []int{403, 422}, withBody),
	})
	b.add(http.MethodPost, "/v1/sessions/refresh", &operation{
		OperationID: "refreshSession",
		Summary:     "Get new tokens for a refresh token.",
		Description: "Each refresh token can be used once; using it later ends the session. Who asks again within half a minute, as the answer was lost, " +
			"is given the same refresh token again, as long as that was not used.",
		Tags: []string{"sessions"}, Security: withoutToken,
		RequestBody: &requestBody{Required: true, Content: b.body(api.Renewal{}, asked)},
		Responses:   answers(map[string]*response{"200": tokens("Renewed.")}, []int{422}, withBody),
	})
	b.add(http.MethodDelete, "/v1/sessions/current", &operation{
		OperationID: "logOut",
		Summary:     "Log out.",
		Description: "Ends the session that the token belongs to, in every process within five seconds.",
		Tags:        []string{"sessions"}, Security: withToken,
		Responses: answers(map[string]*response{"204": {Description: "Logged out.", Headers: headerRefs()}}, always),
	})
}
