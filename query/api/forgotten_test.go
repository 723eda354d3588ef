package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/query"
)

// TestForgotten: whose key is gone leaves no plaintext in any answer, and a
// comment its place.
func TestForgotten(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	_, err := s.admin.Exec(t.Context(), `delete from sical.subject_key where subject = $1`, s.ann)
	require.NoError(t, err)
	s.vault.Forget(s.ann)

	for _, target := range []string{
		"/v1/users/" + s.ann.String(), "/v1/goals/" + s.public.String(), "/v1/paths/" + s.draft.String(),
		"/v1/users/" + s.ann.String() + "/goals", "/v1/users/" + s.ann.String() + "/goals?limit=1&total=true",
		"/v1/comments?target_type=goal&target_id=" + s.public.String(),
	} {
		require.Equal(t, http.StatusNotFound, s.get(target, s.as(s.ann)).status, target)
	}
	require.Empty(t, read[query.Page[query.Goal]](s.world, "/v1/goals", "").Items)
	require.Empty(t, read[query.Page[query.User]](s.world, "/v1/users?ids="+s.ann.String(), "").Items)
	thread := read[query.Page[query.Comment]](s.world, "/v1/comments?target_type=point&target_id="+s.strokes.String(), "")
	require.Len(t, thread.Items, 3)
	require.Equal(t, s.reply, thread.Items[1].ID)
	require.Nil(t, thread.Items[1].Text)
}

// TestErased: the row of an erased account is counted and shown to nobody.
func TestErased(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	s.happen(s.bob, events.StreamOf(events.KindUser, s.bob), &events.UserErased{From: events.UserStatusActive, Role: events.Learner})
	s.project()
	target := "/v1/users/" + s.bob.String()
	for _, token := range []string{"", s.as(s.bob), token(s.wei, events.Admin)} {
		require.Equal(t, http.StatusNotFound, s.get(target, token).status)
	}
	users := read[query.Statistics](s.world, "/v1/statistics", "").Users
	require.Equal(t, []int64{2, 2, 1}, []int64{users.Total, users.Active, users.Erased})
	require.Equal(t, events.Hundredths(100_00), *users.Rates.Active, "of those who are not erased")
}
