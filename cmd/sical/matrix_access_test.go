package main

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"sical-backend/command"
	commandapi "sical-backend/command/api"
	"sical-backend/events"
)

// atLeast tells whether a role, "" for nobody's, includes another.
func atLeast(needed, role events.Role) bool {
	return slices.Index(matrixRoles, role) >= slices.Index(matrixRoles, needed)
}

// meant is what the words of the description promise: whether somebody in a role, "" for
// nobody, may do it to what the row is about, their own or another's.
var meant = map[command.Access]func(about string, role events.Role, own bool) bool{
	command.Public:        func(string, events.Role, bool) bool { return true },
	command.Authenticated: func(_ string, role events.Role, _ bool) bool { return role != "" },
	command.Self:          onlyOwn,
	command.Owner:         onlyOwn,
	command.Author:        onlyOwn,
	command.SelfOrAdmin:   func(_ string, role events.Role, own bool) bool { return own || atLeast(events.Admin, role) },
	command.OwnerOrCurator: func(_ string, role events.Role, own bool) bool {
		return own || atLeast(events.Curator, role)
	},
	command.AuthorOrModerator: func(_ string, role events.Role, own bool) bool {
		return own || atLeast(events.Moderator, role)
	},
	command.Curators:   func(_ string, role events.Role, _ bool) bool { return atLeast(events.Curator, role) },
	command.Moderators: func(_ string, role events.Role, _ bool) bool { return atLeast(events.Moderator, role) },
	command.Admins:     func(_ string, role events.Role, _ bool) bool { return atLeast(events.Admin, role) },
	command.OwnerThenCurators: func(about string, role events.Role, own bool) bool {
		return about == "draft" && own || about != "draft" && atLeast(events.Curator, role)
	},
	command.OwnThenCurators: func(about string, role events.Role, own bool) bool {
		return atLeast(events.Curator, role) && (own || about != "draft")
	},
	command.Judges: func(about string, role events.Role, own bool) bool {
		return !own && atLeast(events.Curator, role) || own && about == "self-test" || atLeast(events.Admin, role)
	},
}

func onlyOwn(_ string, _ events.Role, own bool) bool { return own }

// TestWhoMayDoWhatIsSaid holds what the description says of a command to the matrix, and so
// to what the system does: a cell of 401, 403 or 404 is somebody whom it is not for.
func TestWhoMayDoWhatIsSaid(t *testing.T) {
	t.Parallel()
	said := map[string]command.Access{}
	for _, route := range commandapi.Routes() {
		rule, _ := command.RuleNamed(route.Rule)
		said[route.Method+" "+route.Path] = rule.For
	}
	for _, r := range rows(t) {
		access, ok := said[r.method+" "+r.path]
		if !ok {
			continue
		}
		may := meant[access]
		if !assert.NotNil(t, may, "%s %s is for %q: say above what that means.", r.method, r.path, access) {
			continue
		}
		for i, cell := range r.cells {
			if cell == "-" {
				continue
			}
			role, own := events.Role(""), false
			if i > 0 {
				role, own = matrixRoles[(i-1)/2], i%2 == 1
			}
			refused := slices.Contains([]string{"401", "403", "404"}, cell)
			assert.Equal(t, !refused, may(r.about, role, own), "%s %s about %s is for %s, and answers %s to %q, own: %v", r.method, r.path, r.about, access, cell, role, own)
		}
	}
}
