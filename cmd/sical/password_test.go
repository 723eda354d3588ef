package main

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// logsIn tells whether a password is somebody's.
func (s *system) logsIn(name, word string) bool {
	s.t.Helper()
	status := s.call(http.MethodPost, "/v1/sessions", "", fmt.Sprintf(`{"username":%q,"password":%q}`, name, word)).status
	require.Contains(s.t, []int{http.StatusCreated, http.StatusUnauthorized}, status)
	return status == http.StatusCreated
}

// A password of blanks is one as good as another, also when it is changed.
func TestPasswordOfBlanksIsChanged(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	const blanks = "         "
	_, token, _ := s.account("ada")
	change := func(from, to string) {
		s.do(http.MethodPost, "/v1/users/me/password", token, fmt.Sprintf(`{"current_password":%q,"new_password":%q}`, from, to))
	}
	change(password, blanks)
	assert.True(t, s.logsIn("ada", blanks))
	change(blanks, password)
	assert.True(t, s.logsIn("ada", password))
}

// Several change one password at once, all of them with the right one so far: it is so
// for the first alone, and nobody after them locks them out.
func TestPasswordIsChangedOnce(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	_, token, _ := s.account("ada")
	word := func(i int) string { return fmt.Sprint(password, " but another ", i) }
	answers := make([]reply, 4)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			answers[i] = s.call(http.MethodPost, "/v1/users/me/password", token,
				fmt.Sprintf(`{"current_password":%q,"new_password":%q}`, password, word(i)))
		})
	}
	all.Wait()
	won := 0
	for i, r := range answers {
		switch r.status {
		case http.StatusOK:
			won++
			assert.True(t, s.logsIn("ada", word(i)))
		case http.StatusConflict: // the other came first while this one was looked at
			assert.Contains(t, r.body, `"pointer":"/current_password","code":"conflict"`)
		default: // or before
			assert.Equal(t, http.StatusUnprocessableEntity, r.status, r.body)
			assert.Contains(t, r.body, "wrong_password")
		}
	}
	assert.Equal(t, 1, won)
	assert.False(t, s.logsIn("ada", password))
}

// Who guesses at a username learns nothing of whose it is: its owner's address is
// answered as any other then.
func TestLoginsDoNotTellWhoseAnAddressIs(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.account("ada")
	s.account("bob")
	guess := func(kind, name string) int {
		return s.call(http.MethodPost, "/v1/sessions", "", fmt.Sprintf(`{%q:%q,"password":"not the right one"}`, kind, name)).status
	}
	for range 5 {
		require.Equal(t, http.StatusUnauthorized, guess("username", "ada"))
	}
	require.Equal(t, http.StatusTooManyRequests, guess("username", "ADA"), "the same name, told otherwise")
	for _, address := range []string{"ada@example.org", "bob@example.org", "nobody@example.org"} {
		assert.Equal(t, http.StatusUnauthorized, guess("email", address), address)
	}
}
