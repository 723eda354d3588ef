package main

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	commandapi "sical-backend/command/api"
	"sical-backend/events"
	"sical-backend/internal/testkit"
	queryapi "sical-backend/query/api"
)

// matrix says what each route answers to whom, about what. The columns are nobody,
// then learner, curator, moderator and admin, each about something of their own and
// something of another's; a dash where there is no such thing. What is another's and
// private answers 404: whether it exists is nobody's business. 401 comes before
// everything else. An answer of 200 shows nobody what is another's secret. With an
// If-Match of another version a command answers 412 in place of 200 and 422; 401, 403 and
// 404 stay, or the version would tell what they do not.
//
//	route                           about      nobody  learner  curator  moderator  admin
//	                                                   own/other each
const matrix = `
POST /v1/users                          nothing     201   201  -    201  -    201  -    201  -
PATCH /v1/users/{id}                    user        401   200  403  200  403  200  403  200  200
POST /v1/users/me/password              nothing     401   422  -    422  -    422  -    422  -
POST /v1/users/{id}/role                user        401   403  403  403  403  403  403  422  200
POST /v1/users/{id}/suspend             user        401   403  403  403  403  422  200  422  200
POST /v1/users/{id}/reactivate          user        401   403  403  403  403  422  200  422  200
DELETE /v1/users/{id}                   user        401   200  403  200  403  200  403  200  200

POST /v1/goals                          nothing     401   201  -    201  -    201  -    201  -
POST /v1/goals                          draft       401   201  422  201  422  201  422  201  422
POST /v1/goals                          path        401   201  201  201  201  201  201  201  201
PATCH /v1/goals/{id}                    goal        401   200  404  200  404  200  404  200  404
PATCH /v1/goals/{id}                    open-goal   401   200  403  200  403  200  403  200  403
PUT /v1/goals/{id}/paths                goal        401   200  404  200  404  200  404  200  404
PUT /v1/goals/{id}/paths                open-goal   401   200  403  200  403  200  403  200  403
POST /v1/goals/{id}/start               goal        401   200  404  200  404  200  404  200  404
POST /v1/goals/{id}/start               open-goal   401   200  403  200  403  200  403  200  403
POST /v1/goals/{id}/pause               goal        401   200  404  200  404  200  404  200  404
POST /v1/goals/{id}/pause               open-goal   401   200  403  200  403  200  403  200  403
POST /v1/goals/{id}/complete            goal        401   200  404  200  404  200  404  200  404
POST /v1/goals/{id}/complete            open-goal   401   200  403  200  403  200  403  200  403
POST /v1/goals/{id}/abandon             goal        401   200  404  200  404  200  404  200  404
POST /v1/goals/{id}/abandon             open-goal   401   200  403  200  403  200  403  200  403
POST /v1/goals/{id}/reopen              goal        401   200  404  200  404  200  404  200  404
POST /v1/goals/{id}/reopen              open-goal   401   200  403  200  403  200  403  200  403
DELETE /v1/goals/{id}                   goal        401   200  404  200  404  200  404  200  404
DELETE /v1/goals/{id}                   open-goal   401   200  403  200  403  200  403  200  403

POST /v1/paths                          nothing     401   201  -    201  -    201  -    201  -
PATCH /v1/paths/{id}                    draft       401   200  404  200  404  200  404  200  404
PATCH /v1/paths/{id}                    path        401   403  403  200  200  200  200  200  200
PUT /v1/paths/{id}/points               draft       401   200  404  200  404  200  404  200  404
PUT /v1/paths/{id}/points               path        401   403  403  200  200  200  200  200  200
POST /v1/paths/{id}/publish             draft       401   403  404  200  404  200  404  200  404
POST /v1/paths/{id}/publish             path        401   403  403  200  200  200  200  200  200
POST /v1/paths/{id}/archive             draft       401   200  404  200  404  200  404  200  404
POST /v1/paths/{id}/archive             path        401   403  403  200  200  200  200  200  200

POST /v1/points                         nothing     401   403  -    201  -    201  -    201  -
PATCH /v1/points/{id}                   point       401   -    403  -    200  -    200  -    200
PUT /v1/points/{id}/prerequisites       point       401   -    403  -    200  -    200  -    200
POST /v1/points/{id}/study              point       401   -    200  -    200  -    200  -    200
POST /v1/points/{id}/complete           point       401   -    200  -    200  -    200  -    200

POST /v1/assessments                    user        401   201  403  201  201  201  201  201  201
POST /v1/assessments/{id}/submit        quiz        401   200  404  200  200  200  200  200  200
POST /v1/assessments/{id}/grade         quiz        401   403  404  403  200  403  200  200  200
POST /v1/assessments/{id}/grade         self-test   401   200  404  200  200  200  200  200  200
POST /v1/assessments/{id}/void          quiz        401   403  404  403  200  403  200  200  200
POST /v1/assessments/{id}/void          self-test   401   200  404  200  200  200  200  200  200

POST /v1/comments                       goal        401   201  422  201  422  201  422  201  422
POST /v1/comments                       open-goal   401   201  201  201  201  201  201  201  201
POST /v1/comments                       draft       401   201  422  201  422  201  422  201  422
POST /v1/comments                       path        401   201  201  201  201  201  201  201  201
POST /v1/comments                       point       401   -    201  -    201  -    201  -    201
POST /v1/comments                       quiz        401   201  422  201  201  201  201  201  201
PATCH /v1/comments/{id}                 comment     401   200  403  200  403  200  403  200  403
PATCH /v1/comments/{id}                 hidden      401   422  404  422  404  422  403  422  403
PATCH /v1/comments/{id}                 goal-comment 401  200  404  200  404  200  403  200  403
PATCH /v1/comments/{id}                 quiz-comment 401  200  404  200  403  200  403  200  403
POST /v1/comments/{id}/hide             comment     401   403  403  403  403  200  200  200  200
POST /v1/comments/{id}/hide             hidden      401   403  404  403  404  200  200  200  200
POST /v1/comments/{id}/hide             goal-comment 401  403  404  403  404  200  200  200  200
POST /v1/comments/{id}/hide             quiz-comment 401  403  404  403  403  200  200  200  200
DELETE /v1/comments/{id}                comment     401   200  403  200  403  200  200  200  200
DELETE /v1/comments/{id}                hidden      401   200  404  200  404  200  200  200  200
DELETE /v1/comments/{id}                goal-comment 401  200  404  200  404  200  200  200  200
DELETE /v1/comments/{id}                quiz-comment 401  200  404  200  403  200  200  200  200

POST /v1/webhooks                       nothing     401   403  -    403  -    403  -    201  -
PATCH /v1/webhooks/{id}                 webhook     401   -    403  -    403  -    403  -    200
POST /v1/webhooks/{id}/enable           webhook     401   -    403  -    403  -    403  -    200
POST /v1/webhooks/{id}/disable          webhook     401   -    403  -    403  -    403  -    200
DELETE /v1/webhooks/{id}                webhook     401   -    403  -    403  -    403  -    200

POST /v1/commands                       goal        401   200  404  200  404  200  404  200  404
POST /v1/commands                       user        401   201  403  201  403  201  403  201  201
POST /v1/sessions                       nothing     401   401  -    401  -    401  -    401  -
POST /v1/sessions/refresh               nothing     401   401  -    401  -    401  -    401  -
DELETE /v1/sessions/current             nothing     401   204  -    204  -    204  -    204  -

GET /v1/users/me                        nothing     401   200  -    200  -    200  -    200  -
GET /v1/users/{id}                      user        200   200  200  200  200  200  200  200  200
GET /v1/users                           user        200   200  200  200  200  200  200  200  200
GET /v1/users/{id}/goals                user        200   200  200  200  200  200  200  200  200
GET /v1/goals/{id}                      goal        404   200  404  200  404  200  404  200  404
GET /v1/goals/{id}                      open-goal   200   200  200  200  200  200  200  200  200
GET /v1/goals                           nothing     200   200  -    200  -    200  -    200  -
GET /v1/goals                           goal        200   200  200  200  200  200  200  200  200
GET /v1/paths/{id}                      draft       404   200  404  200  404  200  404  200  404
GET /v1/paths/{id}                      path        200   200  200  200  200  200  200  200  200
GET /v1/paths                           nothing     200   200  -    200  -    200  -    200  -
GET /v1/points/{id}                     point       200   -    200  -    200  -    200  -    200
GET /v1/points                          nothing     200   200  -    200  -    200  -    200  -
GET /v1/users/{id}/progress             user        401   200  404  200  404  200  404  200  404
GET /v1/users/{id}/assessments          user        401   200  404  200  200  200  200  200  200
GET /v1/assessments/{id}                quiz        401   200  404  200  200  200  200  200  200
GET /v1/comments/{id}                   comment     200   200  200  200  200  200  200  200  200
GET /v1/comments/{id}                   hidden      200   200  200  200  200  200  200  200  200
GET /v1/comments/{id}                   goal-comment 404  200  404  200  404  200  404  200  404
GET /v1/comments/{id}                   quiz-comment 404  200  404  200  200  200  200  200  200
GET /v1/comments                        goal        404   200  404  200  404  200  404  200  404
GET /v1/comments                        open-goal   200   200  200  200  200  200  200  200  200
GET /v1/comments                        path        200   200  200  200  200  200  200  200  200
GET /v1/comments                        draft       404   200  404  200  404  200  404  200  404
GET /v1/comments                        quiz        404   200  404  200  200  200  200  200  200
GET /v1/comments                        point       200   -    200  -    200  -    200  -    200
GET /v1/users/{id}/comments             user        401   200  404  200  404  200  200  200  200
GET /v1/popular-goals                   nothing     200   200  -    200  -    200  -    200  -
GET /v1/trending-points                 nothing     200   200  -    200  -    200  -    200  -
POST /v1/stream-tickets                 nothing     401   201  -    201  -    201  -    201  -
GET /v1/stream                          nothing     401   400  -    400  -    400  -    400  -
GET /v1/webhooks                        nothing     401   403  -    403  -    403  -    200  -
GET /v1/webhooks/{id}                   webhook     401   -    403  -    403  -    403  -    200
GET /v1/webhooks/{id}/deliveries        webhook     401   -    403  -    403  -    403  -    200
GET /v1/statistics                      nothing     200   200  -    200  -    200  -    200  -

GET /openapi.json                       nothing     200   200  -    200  -    200  -    200  -
GET /asyncapi.json                      nothing     200   200  -    200  -    200  -    200  -
GET /docs/events                        nothing     200   200  -    200  -    200  -    200  -
GET /docs                               nothing     200   200  -    200  -    200  -    200  -

GET /health                             nothing     200   200  -    200  -    200  -    200  -
GET /livez                              nothing     200   200  -    200  -    200  -    200  -
GET /ready                              nothing     200   200  -    200  -    200  -    200  -
GET /readyz                             nothing     200   200  -    200  -    200  -    200  -
`

// row is a line of the matrix.
type row struct {
	method, path, about string
	cells               []string
}

func rows(t *testing.T) (list []row) {
	for line := range strings.Lines(matrix) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		require.Len(t, f, 12, line)
		list = append(list, row{f[0], f[1], f[2], f[3:]})
	}
	return list
}

// matrixRoles are the columns after nobody, two for each.
var matrixRoles = []events.Role{events.Learner, events.Curator, events.Moderator, events.Admin}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	w := newMatrixWorld(s)
	testkit.Eventually(t, func() error { // only a process that was ready once stays so
		if status, body := s.asked("/ready"); status != http.StatusOK {
			return errors.New(body)
		}
		return nil
	})
	for _, r := range rows(t) {
		t.Run(strings.Join([]string{r.method, strings.ReplaceAll(r.path, "/", "·"), r.about}, " "), func(t *testing.T) {
			t.Parallel()
			c := *w
			c.system = s.by(t)
			for i, want := range r.cells {
				if want == "-" {
					continue
				}
				who := "nobody"
				role, own := events.Role(""), false
				if i > 0 {
					role, own = matrixRoles[(i-1)/2], i%2 == 1
					who = string(role) + map[bool]string{true: ", own", false: ", another's"}[own]
				}
				got := c.try(r, role, own)
				assert.Equal(t, want, got.outcome, "%s %s about %s: %s: %s", r.method, r.path, r.about, who, got.body)
				if takesVersion(r) {
					assert.Equal(t, outdated(want), got.outdated, "%s %s about %s at another version: %s", r.method, r.path, r.about, who)
				}
			}
		})
	}
}

// TestNoRouteIsMissing compares the matrix with both tables of routes and with what
// the router really serves.
func TestNoRouteIsMissing(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, r := range rows(t) {
		listed[r.method+" "+r.path] = true
	}
	served := map[string]bool{}
	for _, r := range commandapi.Routes() {
		served[r.Method+" "+r.Path] = true
	}
	for _, r := range queryapi.Routes() {
		served["GET "+r.Path] = true
	}
	for _, r := range newSystem(t).app.public.Routes() {
		if slices.Contains([]string{http.MethodHead, http.MethodOptions}, r.Method) || r.Method == "echo_route_not_found" || strings.HasPrefix(r.Path, "/docs/redoc-") {
			continue // as GET, by the rules of CORS, and what the page at /docs loads
		}
		served[r.Method+" "+strings.ReplaceAll(r.Path, ":id", "{id}")] = true
	}
	for route := range served {
		assert.True(t, listed[route], "%s is not in the matrix: say there who may do it.", route)
	}
	for route := range listed {
		assert.True(t, served[route], "%s is in the matrix, but is not served.", route)
	}
}
