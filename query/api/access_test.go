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

const (
	ok      = http.StatusOK
	missing = http.StatusNotFound
)

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
