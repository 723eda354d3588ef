package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// matrixWorld makes what a cell of the matrix is about, anew for each, so that no
// cell sees what another did.
type matrixWorld struct {
	*system
	desk      *desk
	admin     string // token
	bystander string // who has secrets, and nothing to do with any cell
}

func newMatrixWorld(s *system) *matrixWorld {
	w := &matrixWorld{system: s, desk: newDesk(s.t, s.app)}
	id := s.do(http.MethodPost, "/v1/users", "", fmt.Sprintf(`{"username":"matrix.admin","email":"admin@example.org","password":%q}`, password))
	w.admin = w.desk.token(s.t, id, events.Admin)
	bystander, token := w.person(events.Learner)
	w.bystander = bystander
	w.confide(bystander, token)
	return w
}

// person is somebody new; they have no password, as their token is signed here.
func (w *matrixWorld) person(role events.Role) (id, token string) {
	id = uuid.NewString()
	w.do(http.MethodPost, "/v1/commands", w.admin, fmt.Sprintf(`{"commands":[{"id":%q,"type":"user.register","data":{"id":%q,"username":"m%s","email":%q}}]}`,
		uuid.NewString(), id, strings.ReplaceAll(id, "-", ""), email(id)))
	if role != events.Learner {
		w.do(http.MethodPost, "/v1/users/"+id+"/role", w.admin, fmt.Sprintf(`{"role":%q}`, role))
	}
	return id, w.desk.token(w.t, id, role)
}

// tried is what became of a cell: the status, of a batch that of its only command.
type tried struct {
	outcome  string
	body     string
	outdated string // the status with an If-Match of another version
}

// try has somebody in a role, nobody for none, use the row's route about something
// of their own or of another's.
func (w *matrixWorld) try(r row, role events.Role, own bool) tried {
	owner, ownerToken := w.person(events.Learner)
	actor, token := owner, ""
	if role != "" {
		if actor, token = w.person(role); own {
			owner, ownerToken = actor, token
		}
	}
	id := w.thing(r, owner, ownerToken)
	if r.method == http.MethodGet {
		private, public, draft := w.confide(owner, ownerToken)
		id = cmp.Or(map[string]string{"goal": private, "open-goal": public, "draft": draft}[r.about], id)
	}
	path := strings.ReplaceAll(r.path, "{id}", id) + parameters(r, id)
	if r.method == http.MethodGet {
		got := w.get(path, token)
		head := w.asks(http.MethodHead, path, token)
		require.Equal(w.t, got.status, head.status, "HEAD answers as GET does: %s", path)
		w.keepsSecrets(r, role, actor, owner, got)
		return tried{outcome: strconv.Itoa(got.status), body: got.body}
	}
	before := w.atAnother(r, path, token, body(r, id, actor))
	got := w.call(r.method, path, token, body(r, id, actor))
	if r.path != "/v1/commands" || got.status != http.StatusOK {
		return tried{strconv.Itoa(got.status), got.body, before}
	}
	var verdicts struct{ Verdicts []struct{ Status int } }
	require.NoError(w.t, json.Unmarshal([]byte(got.body), &verdicts))
	require.Len(w.t, verdicts.Verdicts, 1)
	return tried{outcome: strconv.Itoa(verdicts.Verdicts[0].Status), body: got.body}
}

// thing makes what the row is about, in a state its route can work on.
func (w *matrixWorld) thing(r row, owner, token string) string {
	switch r.about {
	case "user":
		return owner
	case "goal", "open-goal":
		return w.goal(r, token)
	case "draft", "path":
		id := w.do(http.MethodPost, "/v1/paths", token, `{"title":"A path"}`)
		if r.about == "path" {
			w.do(http.MethodPost, "/v1/paths/"+id+"/publish", w.desk.token(w.t, owner, events.Curator), "")
		}
		return id
	case "point":
		return w.do(http.MethodPost, "/v1/points", w.admin, `{"title":"A point"}`)
	case "webhook":
		return w.do(http.MethodPost, "/v1/webhooks", w.admin, aWebhook)
	case "quiz":
		return w.do(http.MethodPost, "/v1/assessments", token, `{"assessment_type":"quiz"}`)
	case "self-test":
		return w.do(http.MethodPost, "/v1/assessments", token, `{"assessment_type":"self"}`)
	case "quiz-comment":
		return w.comment("assessment", w.do(http.MethodPost, "/v1/assessments", token, `{"assessment_type":"quiz"}`), token)
	case "goal-comment":
		return w.comment("goal", w.do(http.MethodPost, "/v1/goals", token, `{"title":"A goal","visibility":"private"}`), token)
	case "comment", "hidden":
		id := w.comment("goal", w.do(http.MethodPost, "/v1/goals", w.admin, `{"title":"Talked about","visibility":"public"}`), token)
		if r.about == "hidden" {
			w.do(http.MethodPost, "/v1/comments/"+id+"/hide", w.admin, "")
		}
		return id
	}
	return ""
}

// comment says something about a target.
func (w *matrixWorld) comment(kind, target, token string) string {
	return w.do(http.MethodPost, "/v1/comments", token, fmt.Sprintf(`{"target_type":%q,"target_id":%q,"text":"Well."}`, kind, target))
}

// goal makes a goal in the status that the row's route starts from.
func (w *matrixWorld) goal(r row, token string) string {
	id := w.do(http.MethodPost, "/v1/goals", token, fmt.Sprintf(`{"title":"A goal","visibility":%q}`,
		map[string]string{"goal": "private", "open-goal": "public"}[r.about]))
	steps := map[string][]string{"pause": {"start"}, "complete": {"start"}, "abandon": {"start"}, "reopen": {"start", "complete"}}
	for _, step := range steps[r.path[strings.LastIndex(r.path, "/")+1:]] {
		w.do(http.MethodPost, "/v1/goals/"+id+"/"+step, token, "")
	}
	return id
}

// parameters are what a query cannot do without.
func parameters(r row, id string) string {
	switch r.method + " " + r.path {
	case "GET /v1/users", "GET /v1/goals":
		if id != "" {
			return "?ids=" + id
		}
	case "GET /v1/comments":
		return "?target_type=" + kinds[r.about] + "&target_id=" + id
	}
	return ""
}

// aWebhook goes to an address that is nowhere, and is told of nothing that happens
// in the matrix but itself.
const aWebhook = `{"url":"https://192.0.2.1/hook","event_types":["webhook.registered"],"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`

var kinds = map[string]string{
	"goal": "goal", "open-goal": "goal", "draft": "path", "path": "path", "point": "point", "quiz": "assessment",
}

// body is what the route wants to be told.
func body(r row, id, actor string) string {
	switch r.method + " " + r.path {
	case "POST /v1/users":
		name := strings.ReplaceAll(uuid.NewString(), "-", "")
		return fmt.Sprintf(`{"username":"r%s","email":"%s@example.org","password":%q}`, name, name, password)
	case "PATCH /v1/users/{id}":
		return `{"display_name":"Another"}`
	case "POST /v1/users/me/password":
		return fmt.Sprintf(`{"current_password":"wrong as can be","new_password":%q}`, password+"!")
	case "POST /v1/users/{id}/role":
		return `{"role":"curator"}`
	case "POST /v1/goals":
		if id != "" {
			return fmt.Sprintf(`{"title":"A goal","paths":[%q]}`, id)
		}
		return `{"title":"A goal"}`
	case "PATCH /v1/goals/{id}", "PATCH /v1/paths/{id}", "PATCH /v1/points/{id}", "POST /v1/paths", "POST /v1/points":
		return `{"title":"Another"}`
	case "PUT /v1/goals/{id}/paths":
		return `{"paths":[]}`
	case "PUT /v1/paths/{id}/points":
		return `{"points":[]}`
	case "PUT /v1/points/{id}/prerequisites":
		return `{"prerequisites":[]}`
	case "POST /v1/points/{id}/study":
		return `{"amount":1}`
	case "POST /v1/points/{id}/complete":
		return `{}`
	case "POST /v1/assessments":
		return fmt.Sprintf(`{"assessment_type":"quiz","user_id":%q}`, id)
	case "POST /v1/assessments/{id}/grade":
		return `{"score":50}`
	case "POST /v1/comments":
		return fmt.Sprintf(`{"target_type":%q,"target_id":%q,"text":"Well."}`, kinds[r.about], id)
	case "PATCH /v1/comments/{id}":
		return `{"text":"Better."}`
	case "POST /v1/webhooks":
		return aWebhook
	case "PATCH /v1/webhooks/{id}":
		return `{"event_types":["goal.*"]}`
	case "POST /v1/webhooks/{id}/disable":
		return `{"reason":"holidays"}`
	case "POST /v1/commands":
		return batchOfOne(r, id, actor)
	case "POST /v1/sessions":
		return `{"username":"nobody.at.all","password":"correct horse battery"}`
	case "POST /v1/sessions/refresh":
		return `{"refresh_token":"none"}`
	}
	return ""
}

// batchOfOne starts a goal; or, about a user, creates one in that user's name.
func batchOfOne(r row, id, actor string) string {
	if r.about == "user" {
		return fmt.Sprintf(`{"commands":[{"id":%q,"type":"goal.create","as":%q,"data":{"id":%q,"title":"A goal"}}]}`,
			uuid.NewString(), id, uuid.NewString())
	}
	return fmt.Sprintf(`{"commands":[{"id":%q,"type":"goal.start","data":{"id":%q}}]}`, uuid.NewString(), id)
}
