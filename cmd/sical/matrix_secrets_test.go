package main

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// secret is what the private things of somebody are called.
func secret(user string) string { return "secret of " + user }

// email is the address of somebody.
func email(user string) string { return user + "@example.org" }

// confide gives somebody what others may not see: a draft, and a private goal. The draft
// is part of both that goal and a public one.
func (w *matrixWorld) confide(user, token string) (private, public, draft string) {
	draft = w.do(http.MethodPost, "/v1/paths", token, fmt.Sprintf(`{"title":%q}`, secret(user)))
	private = w.do(http.MethodPost, "/v1/goals", token, fmt.Sprintf(`{"title":%q,"visibility":"private","paths":[%q]}`, secret(user), draft))
	public = w.do(http.MethodPost, "/v1/goals", token, fmt.Sprintf(`{"title":"A goal","visibility":"public","paths":[%q]}`, draft))
	return private, public, draft
}

// keepsSecrets fails where an answer shows what only its owner may see. Their address is
// shown to moderators and admins too, in what is said of the person.
func (w *matrixWorld) keepsSecrets(r row, role events.Role, actor, owner string, got reply) {
	w.t.Helper()
	if got.status != http.StatusOK {
		return
	}
	who := cmp.Or(string(role), "nobody")
	for _, text := range []string{secret(w.bystander), email(w.bystander)} {
		require.NotContains(w.t, got.body, text, "%s %s by %s", r.method, r.path, who)
	}
	if role != "" && actor == owner {
		return
	}
	require.NotContains(w.t, got.body, secret(owner), "%s %s by %s", r.method, r.path, who)
	shown := (role == events.Moderator || role == events.Admin) && (r.path == "/v1/users" || r.path == "/v1/users/{id}")
	require.Equal(w.t, shown, strings.Contains(got.body, email(owner)), "%s %s by %s: the address", r.method, r.path, who)
}
