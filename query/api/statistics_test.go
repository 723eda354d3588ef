package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/query"
)

// TestMeanScore: it is that of the scores, not of what is left when their digits are cut off.
func TestMeanScore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	learner := w.register("ann")
	assessment := w.begin(learner, events.KindAssessment, &events.AssessmentScheduled{Type: events.Quiz, MaxScore: 3_00})
	w.happen(learner, events.StreamOf(events.KindAssessment, assessment), &events.AssessmentGraded{Score: 2_00})
	w.project()
	require.Equal(t, events.Hundredths(66_67), *read[query.Statistics](w, "/v1/statistics", "").Assessments.MeanScore)
}

// TestFiguresOfTheLastDays: whether they count what has gone since is as /docs says.
func TestFiguresOfTheLastDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ann := w.register("ann")
	comment := w.begin(ann, events.KindComment, &events.CommentPosted{Text: "Gone"})
	w.happen(ann, events.StreamOf(events.KindComment, comment), &events.CommentDeleted{})
	for _, later := range [][]events.Data{{&events.GoalCompleted{}}, {&events.GoalCompleted{}, &events.GoalReopened{}}, {&events.GoalCompleted{}, &events.GoalDeleted{}}} {
		goal := w.begin(ann, events.KindGoal, &events.GoalCreated{Title: "Goal", Visibility: events.Public})
		for _, data := range later {
			w.happen(ann, events.StreamOf(events.KindGoal, goal), data)
		}
	}
	w.happen(ann, events.StreamOf(events.KindUser, ann), &events.UserErased{From: events.UserStatusActive, Role: events.Learner})
	w.project()
	got := read[query.Statistics](w, "/v1/statistics?at=2026-03-01", "")
	require.Equal(t, []int64{0, 1}, []int64{got.Users.Total, got.Users.Registered.Day})
	require.Equal(t, []int64{0, 1}, []int64{got.Comments.Total, got.Comments.Created.Day})
	require.Equal(t, []int64{2, 2, 1}, []int64{got.Goals.Total, got.Goals.Lately.Created.Day, got.Goals.Lately.Completed.Day})
}
