package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// The role that somebody was granted counts for whoever logs in from then on, by username
// or by e-mail address, for who goes on with a refresh token, and for what `sical token`
// signs; and no longer once it is taken.
func TestGrantedRoleReachesLogins(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	id, _, _ := s.account("ada")
	other, _, _ := s.account("root")
	admin := newDesk(t, s.app).token(t, other, events.Admin)
	logIn := func(by string) (access, refresh string) {
		r := s.call(http.MethodPost, "/v1/sessions", "", fmt.Sprintf(`{%s,"password":%q}`, by, password))
		require.Equal(t, http.StatusCreated, r.status, r.body)
		return r.field(t, "access_token"), r.field(t, "refresh_token")
	}
	for _, granted := range []struct {
		role events.Role
		want int
	}{{events.Curator, http.StatusCreated}, {events.Learner, http.StatusForbidden}} {
		s.do(http.MethodPost, "/v1/users/"+id+"/role", admin, fmt.Sprintf(`{"role":%q}`, granted.role))
		byName, refresh := logIn(`"username":"ada"`)
		byMail, _ := logIn(`"email":"Ada@example.org"`)
		renewed := s.call(http.MethodPost, "/v1/sessions/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, refresh))
		require.Equal(t, http.StatusOK, renewed.status, renewed.body)
		status, signed, said := ran("token", "--username", "ada", "--data-dir", s.app.DataDir)
		require.Zero(t, status, said)
		for how, token := range map[string]string{
			"username": byName, "e-mail address": byMail, "refresh token": renewed.field(t, "access_token"), "sical token": strings.TrimSpace(signed),
		} {
			r := s.call(http.MethodPost, "/v1/points", token, `{"title":"图论"}`)
			assert.Equal(t, granted.want, r.status, "%s by %s: %s", granted.role, how, r.body)
		}
	}
}
