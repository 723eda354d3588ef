package api

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
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

// TestGoalsOfNobody: a list of the goals of who is forgotten is, to the byte and whatever it is
// narrowed by, that of who never was.
func TestGoalsOfNobody(t *testing.T) {
	t.Parallel()
	s := crowded(t)
	of := "/v1/users/" + s.ann.String() + "/goals?total=true"
	end := "&cursor=" + read[query.Page[query.Goal]](s.world, of+"&limit=31", s.as(s.ann)).NextCursor
	last := uuid.MustParse(s.walk(of, 200)[31])
	s.happen(s.ann, events.StreamOf(events.KindGoal, last), &events.GoalDeleted{})
	s.project()
	require.JSONEq(t, `{"items":[],"total":31}`, s.caughtUp(of+"&limit=9"+end, s.as(s.ann)).body, "behind what is deleted")
	_, err := s.admin.Exec(t.Context(), `delete from sical.subject_key where subject = $1`, s.ann)
	require.NoError(t, err)
	s.vault.Forget(s.ann)

	for _, filter := range []string{"", "&limit=1", "&status=paused", "&category=中文&status=draft", end} {
		for _, viewer := range []string{"", s.as(s.ann), s.as(s.bob)} {
			require.JSONEq(t, `{"items":[],"total":0}`, s.get(of+filter, viewer).body, filter)
		}
	}
	require.JSONEq(t, `{"items":[],"total":0}`, s.get("/v1/users/"+events.ID{1}.String()+"/goals?total=true", "").body)
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
