package api

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// standing is who asks, in relation to what is asked for.
type standing int

const (
	anonymous standing = iota
	own                // a learner, for their own
	learner            // and the rest for another's
	curator
	moderator
	admin
	standings
)

// granted is what each standing is answered.
type granted [standings]int

const (
	ok      = http.StatusOK
	missing = http.StatusNotFound
	noToken = http.StatusUnauthorized
	denied  = http.StatusForbidden
)

var everyone = granted{ok, ok, ok, ok, ok, ok}

// TestWhoMayAskWhat asks every route in every standing. A route that is not in
// the matrix fails.
func TestWhoMayAskWhat(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	of := "/v1/users/" + s.ann.String()
	onComment := func(k events.Kind, id events.ID) string {
		return "/v1/comments?target_type=" + string(k) + "&target_id=" + id.String()
	}
	private := granted{missing, ok, missing, missing, missing, missing}
	graded := granted{missing, ok, missing, ok, ok, ok}
	steered := granted{noToken, denied, denied, denied, denied, ok}
	matrix := []struct {
		route, target string
		want          granted
	}{
		{"getMe", "/v1/users/me", granted{noToken, ok, ok, ok, ok, ok}},
		{"getUser", of, everyone},
		{"getUsers", "/v1/users?ids=" + s.ann.String(), everyone},
		{"listUserGoals", of + "/goals", everyone},
		{"getGoal", "/v1/goals/" + s.public.String(), everyone},
		{"getGoal", "/v1/goals/" + s.private.String(), private},
		{"listGoals", "/v1/goals", everyone},
		{"listGoals", "/v1/goals?ids=" + s.private.String(), everyone},
		{"getPath", "/v1/paths/" + s.course.String(), everyone},
		{"getPath", "/v1/paths/" + s.draft.String(), private},
		{"listPaths", "/v1/paths", everyone},
		{"getPoint", "/v1/points/" + s.strokes.String(), everyone},
		{"listPoints", "/v1/points", everyone},
		{"listProgress", of + "/progress", granted{noToken, ok, missing, missing, missing, missing}},
		{"listAssessments", of + "/assessments", granted{noToken, ok, missing, ok, ok, ok}},
		{"getAssessment", "/v1/assessments/" + s.quiz.String(), granted{noToken, ok, missing, ok, ok, ok}},
		{"getWebhook", "/v1/webhooks/" + s.hook.String(), steered},
		{"listWebhooks", "/v1/webhooks", steered},
		{"listDeliveries", "/v1/webhooks/" + s.hook.String() + "/deliveries", steered},
		{"listComments", onComment(events.KindPoint, s.strokes), everyone},
		{"listComments", onComment(events.KindPath, s.course), everyone},
		{"listComments", onComment(events.KindPath, s.draft), private},
		{"listComments", onComment(events.KindGoal, s.public), everyone},
		{"listComments", onComment(events.KindGoal, s.private), private},
		{"listComments", onComment(events.KindAssessment, s.quiz), graded},
		{"listUserComments", of + "/comments", granted{noToken, ok, missing, missing, ok, ok}},
		{"getStatistics", "/v1/statistics", everyone},
		{"getPopularGoals", "/v1/popular-goals", everyone},
		{"getTrendingPoints", "/v1/trending-points", everyone},
	}
	tokens := [standings]string{
		own: token(s.ann, events.Learner), learner: token(s.bob, events.Learner), curator: token(s.wei, events.Curator),
		moderator: token(s.bob, events.Moderator), admin: token(s.bob, events.Admin),
	}
	asked := map[string]bool{}
	for _, row := range matrix {
		asked[row.route] = true
		for who, want := range row.want {
			got := s.get(row.target, tokens[who])
			require.Equal(t, want, got.status, "%s for standing %d: %s", row.target, who, got.body)
			if standing(who) != own && got.status == ok {
				require.NotContains(t, got.body, "Pass the exam", "%s for standing %d", row.target, who)
				require.NotContains(t, got.body, "My idioms", "%s for standing %d", row.target, who)
				shown := (standing(who) == moderator || standing(who) == admin) && (row.route == "getUser" || row.route == "getUsers")
				require.Equal(t, shown, strings.Contains(got.body, "ann@example.org"), "%s for standing %d", row.target, who)
			}
		}
	}
	for _, r := range Routes() {
		require.True(t, asked[r.Name], "%s is not in the matrix", r.Name)
	}
}

// TestWhatIsMissingIsNotFound: for what exists and is not to be seen, the answer
// is the same to the byte as for what does not exist.
func TestWhatIsMissingIsNotFound(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	nothing := events.ID{1}.String()
	for _, target := range []string{
		"/v1/goals/" + s.private.String(), "/v1/paths/" + s.draft.String(), "/v1/assessments/" + s.quiz.String(),
		"/v1/users/" + s.ann.String() + "/progress", "/v1/users/" + s.ann.String() + "/assessments",
	} {
		none := target
		for _, id := range []events.ID{s.private, s.draft, s.quiz, s.ann} {
			none = strings.ReplaceAll(none, id.String(), nothing)
		}
		hidden, absent := s.get(target, s.as(s.bob), "X-Request-ID", "same"), s.get(none, s.as(s.bob), "X-Request-ID", "same")
		require.Equal(t, missing, hidden.status, target)
		require.Equal(t, absent.status, hidden.status, target)
		require.Equal(t, absent.body, hidden.body, target)
		require.Equal(t, absent.header, hidden.header, target)
	}
}

var update = flag.Bool("update", false, "write the golden file anew")

// TestRouteTable prints the routes: a line that changes is a changed contract.
func TestRouteTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, r := range Routes() {
		fmt.Fprintf(&b, "GET %s %s: %s, %T\n", r.Path, r.Name, r.Access, r.Answer)
		for _, p := range r.Params {
			fmt.Fprintf(&b, "\t%s %s", p.Name, p.Type)
			if p.Max > 0 {
				fmt.Fprintf(&b, " %d to %d", p.Min, p.Max)
			}
			if p.Required {
				b.WriteString(" required")
			}
			if p.Enum != nil {
				b.WriteString(" " + strings.Join(p.Enum, "|"))
			}
			b.WriteByte('\n')
		}
	}
	const file = "testdata/routes.golden"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String())
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	seen := map[string]bool{}
	for _, r := range Routes() {
		require.False(t, seen[r.Name] || seen[r.Path], "%s stands twice", r.Name)
		seen[r.Name], seen[r.Path] = true, true
		require.NotEmpty(t, r.Doc)
		require.NotNil(t, r.Answer)
		target := strings.ReplaceAll(r.Path, "{id}", s.ann.String())
		post := httptest.NewRecorder()
		s.server.ServeHTTP(post, httptest.NewRequest(http.MethodPost, target, nil))
		require.Equal(t, http.StatusMethodNotAllowed, post.Code, r.Path)
	}
	head := httptest.NewRequest(http.MethodHead, "/v1/statistics", nil)
	recorder := httptest.NewRecorder()
	s.server.ServeHTTP(recorder, head)
	require.Equal(t, http.StatusOK, recorder.Code)
	require.NotEmpty(t, recorder.Header().Get("ETag"))
}
