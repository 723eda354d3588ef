package main

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"

	commandapi "sical-backend/command/api"
	"sical-backend/events"
)

// takesVersion tells whether the row's route takes an If-Match: all commands do but those
// that create something.
func takesVersion(r row) bool {
	return slices.ContainsFunc(commandapi.Routes(), func(route commandapi.Route) bool {
		return route.Method == r.method && route.Path == r.path && route.Subject != commandapi.FromBody
	})
}

// outdated is what becomes of a cell with an If-Match of another version. Who may not see
// a thing, or not do this to it, learns nothing of its version.
func outdated(cell string) string {
	if cell == "401" || cell == "403" || cell == "404" {
		return cell
	}
	return "412"
}

// atAnother is the status that the route answers with a version that nothing here has; ""
// where it takes none. It changes nothing.
func (w *matrixWorld) atAnother(r row, path, token, body string) string {
	if !takesVersion(r) {
		return ""
	}
	return strconv.Itoa(w.call(r.method, path, token, body, "If-Match", `"99"`).status)
}

// What is not there answers with an If-Match as it does without one, and so as what the
// caller may not see: 404, or 403 where they may not know of any.
func TestNothingHasNoVersion(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	w := newMatrixWorld(s)
	tokens := map[events.Role]string{}
	for _, role := range matrixRoles {
		_, tokens[role] = w.person(role)
	}
	for _, r := range rows(t) {
		if !takesVersion(r) || !strings.Contains(r.path, "{id}") {
			continue
		}
		for role, token := range tokens {
			id := uuid.NewString()
			path := strings.ReplaceAll(r.path, "{id}", id)
			want := http.StatusNotFound
			if r.about == "webhook" && role != events.Admin {
				want = http.StatusForbidden
			}
			for _, version := range []string{`"0"`, `"1"`, `*`} {
				got := s.call(r.method, path, token, body(r, id, id), "If-Match", version)
				assert.Equal(t, want, got.status, "%s %s by %s at %s: %s", r.method, r.path, role, version, got.body)
			}
		}
	}
}
