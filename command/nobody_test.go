package command

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// What has to be somebody's is refused in nobody's name, even to an admin, as whom an
// import acts.
func TestWhatIsSomebodysIsNotNobodys(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(Given) error{
		"goal.create": func(g Given) error {
			_, err := createGoal(goal{}, &CreateGoal{Title: "whose?"}, g)
			return err
		},
		"study.record": func(g Given) error {
			_, err := recordStudy(study{}, &RecordStudy{}, g)
			return err
		},
		"study.complete": func(g Given) error {
			_, err := completePoint(study{}, &CompletePoint{}, g)
			return err
		},
		"comment.create": func(g Given) error {
			_, err := postComment(comment{}, &PostComment{TargetType: events.TargetPoint, TargetID: idOf("p"), Text: "whose?"},
				g.With(map[events.Stream]any{events.StreamOf(events.KindPoint, idOf("p")): point{}}))
			return err
		},
		"assessment.create": func(g Given) error {
			_, err := scheduleAssessment(assessment{}, &ScheduleAssessment{Type: events.Quiz}, g)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var refusal *Refusal
			require.ErrorAs(t, do(Given{Role: events.Admin}), &refusal)
			require.Equal(t, "nobody", refusal.Code)
			require.Equal(t, "/as", refusal.Pointer)
			if err := do(Given{Role: events.Learner, Actor: uuid.New()}); err != nil {
				require.ErrorAs(t, err, &refusal)
				require.NotEqual(t, "nobody", refusal.Code)
			}
		})
	}
	_, err := scheduleAssessment(assessment{}, &ScheduleAssessment{Type: events.Quiz, User: uuid.New()}, Given{Role: events.Admin})
	require.NoError(t, err, "user_id says whose")
}
