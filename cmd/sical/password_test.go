package main

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/auth"
)

// logsIn tells whether a password is somebody's.
func (s *system) logsIn(name, word string) bool {
	s.t.Helper()
	status := s.call(http.MethodPost, "/v1/sessions", "", fmt.Sprintf(`{"username":%q,"password":%q}`, name, word)).status
	require.Contains(s.t, []int{http.StatusCreated, http.StatusUnauthorized}, status)
	return status == http.StatusCreated
}

// A password of blanks cannot be set any more; who has one from before logs in and changes it.
func TestPasswordOfBlanksIsChanged(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	const blanks = "         "
	id, token, _ := s.account("ada")
	change := func(from, to string) reply {
		return s.call(http.MethodPost, "/v1/users/me/password", token, fmt.Sprintf(`{"current_password":%q,"new_password":%q}`, from, to))
	}
	assert.Equal(t, http.StatusUnprocessableEntity, change(password, blanks).status)
	hash, err := auth.NewHasher(cheap, 1, 1).Hash(t.Context(), blanks)
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), s.app.PostgresURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `update sical.credential set password_hash = $2 where user_id = $1`, id, hash)
	require.NoError(t, err)
	assert.True(t, s.logsIn("ada", blanks))
	assert.Equal(t, http.StatusOK, change(blanks, password).status)
	assert.True(t, s.logsIn("ada", password))
}

// Guesses that are sent at once do not slip through together, where one logs in and where
// a password is changed; and whoever knows it is let in from elsewhere all the while.
func TestGuessesAreSlowed(t *testing.T) {
	t.Parallel()
	s := newSystem(t, lingering)
	_, token, _ := s.account("ada")
	const guesses = 12
	for path, guess := range map[string]struct {
		from, body string
		wrong      int
	}{
		"/v1/sessions":          {"127.0.0.5", `{"username":"ada","password":"not the right one"}`, http.StatusUnauthorized},
		"/v1/users/me/password": {"127.0.0.6", `{"current_password":"not the right one","new_password":"another one entirely"}`, http.StatusUnprocessableEntity},
	} {
		guesser := s.by(t)
		guesser.client = from(t, guess.from)
		answers := make([]reply, guesses)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = guesser.call(http.MethodPost, path, token, guess.body) })
		}
		all.Wait()
		looked, told := 0, 0
		for _, r := range answers {
			if r.status != http.StatusTooManyRequests {
				// Who waits too long, on a slow machine, has had the try all the same.
				assert.Contains(t, []int{guess.wrong, http.StatusServiceUnavailable}, r.status, "%s: %s", path, r.body)
				looked++
				if r.status == guess.wrong {
					told++
				}
				continue
			}
			assert.NotEmpty(t, r.header.Get("Retry-After"), path)
		}
		assert.NotZero(t, told, path)
		assert.GreaterOrEqual(t, looked, 5, "%s: as many as one mistypes", path)
		assert.Less(t, looked, guesses, "%s: the waits for so many take minutes", path)
	}
	assert.True(t, s.logsIn("ada", password))
}

// Several change one password at once, all of them with the right one so far: it is so
// for the first alone, and nobody after them locks them out.
func TestPasswordIsChangedOnce(t *testing.T) {
	t.Parallel()
	s := newSystem(t, lingering)
	_, token, _ := s.account("ada")
	word := func(i int) string { return fmt.Sprint(password, " but another ", i) }
	answers := make([]reply, 4)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			answers[i] = s.perseveres(http.MethodPost, "/v1/users/me/password", token,
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
	tries := 0
	for guess("username", "ada") != http.StatusTooManyRequests { // the first of them may be long ago
		tries++
		require.Less(t, tries, 20)
	}
	for _, address := range []string{"ada@example.org", "bob@example.org", "nobody@example.org"} {
		assert.Equal(t, http.StatusUnauthorized, guess("email", address), address)
	}
}
