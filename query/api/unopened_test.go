package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/vault"
)

// Whose key another master key wrapped is left out as if erased, and leaves the others'
// lists whole.
func TestUnopenedPersonIsLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ann, strange, bob := w.register("ann"), w.register("strange"), w.register("bob")
	w.project()
	other, err := vault.New(w.admin, []byte("another secret of as many bytes or more"))
	require.NoError(t, err)
	_, wrapped, err := other.NewKey(strange)
	require.NoError(t, err)
	_, err = w.admin.Exec(t.Context(), `update sical.subject_key set wrapped = $2 where subject = $1`, strange, wrapped)
	require.NoError(t, err)
	w.vault.Clear()

	got := w.caughtUp("/v1/users?ids="+ann.String()+","+strange.String()+","+bob.String(), "")
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Contains(t, got.body, ann.String())
	require.Contains(t, got.body, bob.String())
	require.NotContains(t, got.body, strange.String())
	require.Equal(t, http.StatusNotFound, w.caughtUp("/v1/users/"+strange.String(), "").status)
}
