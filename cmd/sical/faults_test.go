package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestKeysRememberNoPassword registers twice under one key with different passwords: what
// is kept cannot tell them apart, and only the first counts.
func TestKeysRememberNoPassword(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	register := func(name, word string) reply {
		return s.call(http.MethodPost, "/v1/users", "",
			fmt.Sprintf(`{"username":%q,"email":"ada@example.org","password":%q}`, name, word), "Idempotency-Key", "once")
	}
	first, again := register("ada", password), register("ada", password+" but another")
	require.Equal(t, http.StatusCreated, first.status, first.body)
	require.Equal(t, http.StatusCreated, again.status, again.body)
	assert.Equal(t, first.body, again.body)
	assert.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	assert.Equal(t, "idempotency_key_reused", register("eve", password).field(t, "code"))

	logIn := func(word string) int {
		return s.call(http.MethodPost, "/v1/sessions", "", fmt.Sprintf(`{"username":"ada","password":%q}`, word)).status
	}
	assert.Equal(t, http.StatusCreated, logIn(password))
	assert.Equal(t, http.StatusUnauthorized, logIn(password+" but another"))
}
