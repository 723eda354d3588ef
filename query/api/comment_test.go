package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// TestCommentIsAsInItsThread: to each viewer one comment is what it is among the others.
func TestCommentIsAsInItsThread(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	for _, token := range []string{"", s.as(s.ann), s.as(s.bob), token(s.wei, events.Moderator)} {
		thread := s.get("/v1/comments?target_type=point&target_id="+s.strokes.String(), token)
		for _, id := range []events.ID{s.onPoint, s.reply, s.bad} {
			alone := s.get("/v1/comments/"+id.String(), token)
			require.Equal(t, http.StatusOK, alone.status, alone.body)
			require.Contains(t, thread.body, alone.body)
			require.Regexp(t, `^"[12]\.`, alone.header.Get("ETag"), "for If-Match")
		}
	}
}

// TestCommentFollowsWhatItIsAbout: it changes with itself, and is there no longer than what
// it is about, though another view tells of that.
func TestCommentFollowsWhatItIsAbout(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	comment := s.begin(s.bob, events.KindComment, &events.CommentPosted{Target: events.Target{Type: events.TargetGoal, ID: s.public}, Text: "加油"})
	s.project()
	target := "/v1/comments/" + comment.String()
	require.Contains(t, s.caughtUp(target, s.as(s.bob)).body, "加油")
	goal := events.StreamOf(events.KindGoal, s.public)
	for _, change := range []struct {
		by     events.ID
		of     events.Stream
		data   events.Data
		status int
		shown  string
	}{
		{s.bob, events.StreamOf(events.KindComment, comment), &events.CommentEdited{Text: "继续"}, http.StatusOK, "继续"},
		{s.ann, goal, &events.GoalRevised{Visibility: &events.Change[events.Visibility]{To: events.Private}}, http.StatusNotFound, ""},
		{s.ann, goal, &events.GoalRevised{Visibility: &events.Change[events.Visibility]{To: events.Public}}, http.StatusOK, "继续"},
		{s.bob, events.StreamOf(events.KindComment, comment), &events.CommentDeleted{}, http.StatusOK, `"text":null`},
		{s.ann, goal, &events.GoalDeleted{}, http.StatusNotFound, ""},
	} {
		s.happen(change.by, change.of, change.data)
		s.project()
		got := s.caughtUp(target, s.as(s.bob))
		require.Equal(t, change.status, got.status, "%T: %s", change.data, got.body)
		require.Contains(t, got.body, change.shown)
	}
}

// In a rolling upgrade there may be comments on what only the newer release knows.
func TestCommentOnWhatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	comment := s.begin(s.bob, events.KindComment, &events.CommentPosted{Target: events.Target{Type: "lesson", ID: s.public}, Text: "加油"})
	s.project()
	got := s.caughtUp("/v1/comments/"+comment.String(), s.as(s.bob))
	require.Equal(t, http.StatusNotFound, got.status, got.body)
}
