package contracttest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/openapi"
)

// noted is a testing.TB that keeps what it is told instead of failing.
type noted struct {
	testing.TB
	errors []string
}

func (n *noted) Errorf(format string, args ...any) {
	n.errors = append(n.errors, fmt.Sprintf(format, args...))
}

const (
	anID       = "0197a3c0-7d21-7b44-8c33-1a2b3c4d5e6f"
	anAnswer   = `{"id":"` + anID + `","version":1,"position":7}`
	aProblem   = `{"type":"urn:sical:problem:not_found","title":"Not found","status":404,"code":"not_found"}`
	aPoint     = `{"id":"` + anID + `","version":1,"title":"t","difficulty_level":3,"prerequisites":[],"created_at":"2026-11-20T10:30:00Z","updated_at":"2026-11-20T10:30:00Z"}`
	aBatch     = `{"commands":[{"id":"` + anID + `","type":"goal.conquer","data":{"id":"` + anID + `"}}]}`
	aGoal      = `{"title":"Read the classics"}`
	aProfile   = `{"id":"` + anID + `","version":1,"display_name":"a","goals":[],"goals_url":"/v1/users/` + anID + `/goals"}`
	noProgress = `{"id":"` + anID + `","version":1,"owner_id":"` + anID + `","title":"t","status":"draft","visibility":"public","progress":null,"created_at":"2026-11-20T10:30:00Z","updated_at":"2026-11-20T10:30:00Z"}`
)

var (
	ofCommand = map[string]string{"Sical-Position": "7", "Location": "/v1/goals/" + anID}
	ofQuery   = map[string]string{"Sical-Position": "7", "ETag": `"1.x"`}
)

// A checker that lets everything pass would look just like a kept contract.
func TestWhatIsNotInTheDocumentIsFound(t *testing.T) {
	t.Parallel()
	contract, err := New(openapi.Document())
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		method, target, sent string
		status               int
		header               map[string]string
		received             string
		complaint            string // "" for none
	}{
		"a command":                      {"POST", "/v1/goals", aGoal, 201, ofCommand, anAnswer, ""},
		"an unknown member accepted":     {"POST", "/v1/goals", `{"title":"t","colour":"red"}`, 201, ofCommand, anAnswer, "colour"},
		"a missing member accepted":      {"POST", "/v1/goals", `{}`, 201, ofCommand, anAnswer, "title"},
		"a null accepted":                {"POST", "/v1/goals", `{"title":"t","category":null}`, 201, ofCommand, anAnswer, "category"},
		"an id in a revision accepted":   {"PATCH", "/v1/goals/" + anID, `{"id":"` + anID + `"}`, 200, ofCommand, anAnswer, "id"},
		"a header missing":               {"POST", "/v1/goals", aGoal, 201, nil, anAnswer, "Location"},
		"a status not in it":             {"POST", "/v1/goals", aGoal, 200, ofCommand, anAnswer, "no such answer"},
		"a member missing":               {"POST", "/v1/goals", aGoal, 201, ofCommand, `{"id":"` + anID + `","version":1}`, "position"},
		"a member more":                  {"POST", "/v1/goals", aGoal, 201, ofCommand, `{"id":"` + anID + `","version":1,"position":7,"x":1}`, "x"},
		"a refusal need not fit":         {"POST", "/v1/goals", `{"colour":"red"}`, 400, nil, aProblem, ""},
		"a refusal that is no problem":   {"POST", "/v1/goals", aGoal, 400, nil, `{"message":"no"}`, "code"},
		"a body unasked for":             {"POST", "/v1/goals/" + anID + "/start", `{"a":1}`, 200, ofCommand, anAnswer, "body"},
		"an admin's registration":        {"POST", "/v1/users", `{"username":"ada"}`, 201, ofCommand, anAnswer, ""},
		"one without a password":         {"POST", "/v1/users", `{"username":"ada","email":"ada@example.org"}`, 201, ofCommand, anAnswer, ""},
		"half a registration":            {"POST", "/v1/users", `{"email":"ada@example.org"}`, 201, ofCommand, anAnswer, "anyOf"},
		"a batch refused in part":        {"POST", "/v1/commands", aBatch, 200, nil, `{"verdicts":[{"command":"` + anID + `","status":422}]}`, ""},
		"a batch done that is not in it": {"POST", "/v1/commands", aBatch, 200, nil, `{"verdicts":[{"command":"` + anID + `","status":201}]}`, "type"},
		"decimals":                       {"POST", "/v1/assessments/" + anID + "/grade", `{"score":75.8}`, 200, ofCommand, anAnswer, ""},
		"a query":                        {"GET", "/v1/points/" + anID, "", 200, ofQuery, aPoint, ""},
		"the literal path":               {"GET", "/v1/users/me", "", 200, ofQuery, aProfile, ""},
		"a null answered":                {"GET", "/v1/goals/" + anID, "", 200, ofQuery, noProgress, ""},
		"a null too many":                {"GET", "/v1/points/" + anID, "", 200, ofQuery, strings.Replace(aPoint, `"t"`, "null", 1), "title"},
		"a value not in the list":        {"GET", "/v1/goals/" + anID, "", 200, ofQuery, strings.Replace(noProgress, "draft", "lost", 1), "status"},
		"head":                           {"HEAD", "/v1/points/" + anID, "", 200, ofQuery, "", ""},
		"unchanged":                      {"GET", "/v1/points/" + anID, "", 304, ofQuery, "", ""},
		"a parameter not in it":          {"GET", "/v1/points?order=up", "", 200, ofQuery, `{"items":[]}`, "order"},
		"a parameter out of bounds":      {"GET", "/v1/points?limit=1000", "", 200, ofQuery, `{"items":[]}`, "limit"},
		"ids":                            {"GET", "/v1/points?ids=" + anID + "," + anID, "", 200, ofQuery, `{"items":[]}`, ""},
		"no such path":                   {"GET", "/v2/points", "", 404, nil, aProblem, ""},
		"a path not in it":               {"GET", "/v2/points", "", 200, ofQuery, `{}`, "no such operation"},
		"no such path, no problem":       {"GET", "/v2/points", "", 404, nil, `{"message":"no"}`, "code"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Request-ID", "r-1")
				w.Header().Set("Content-Type", "application/json")
				if tc.status >= 400 {
					w.Header().Set("Content-Type", "application/problem+json")
				}
				for k, v := range tc.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.received))
			}))
			defer server.Close()
			notes := &noted{TB: t}
			r, err := http.NewRequest(tc.method, server.URL+tc.target, strings.NewReader(tc.sent))
			require.NoError(t, err)
			if tc.sent != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			answer, err := contract.Client(notes).Do(r)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			if tc.complaint == "" {
				require.Empty(t, notes.errors)
				return
			}
			require.Len(t, notes.errors, 1)
			require.Contains(t, notes.errors[0], tc.complaint)
		})
	}
}
