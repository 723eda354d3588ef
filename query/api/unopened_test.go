package api

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/testkit"
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

// However many of those whose texts an answer would show are forgotten, it asks for keys
// once.
func TestForgottenAreAskedForTogether(t *testing.T) {
	t.Parallel()
	fetched := &testkit.Queries{Of: "-- read subject_key"}
	w := newWorld(t, fetched)
	ann := w.register("ann")
	goal := w.begin(ann, events.KindGoal, &events.GoalCreated{Title: "graphs of ann", Visibility: events.Public})
	for i := range 5 {
		gone := w.register(fmt.Sprint("gone", i))
		w.begin(gone, events.KindGoal, &events.GoalCreated{Title: "graphs of old", Visibility: events.Public})
		w.begin(gone, events.KindComment, &events.CommentPosted{Target: events.Target{Type: events.TargetGoal, ID: goal}, Text: "gone"})
		_, err := w.admin.Exec(t.Context(), `delete from sical.subject_key where subject = $1`, gone)
		require.NoError(t, err)
	}
	w.project()
	for _, target := range []string{"/v1/goals?q=graphs", "/v1/goals", "/v1/comments?target_type=goal&target_id=" + goal.String()} {
		w.vault.Clear()
		_, err := w.vault.Keys(t.Context(), ann)
		require.NoError(t, err)
		before := fetched.Load()
		got := w.caughtUp(target, "")
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.EqualValues(t, 1, fetched.Load()-before, target)
	}
}
