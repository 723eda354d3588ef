package command

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

func TestAGoalIsSomebodys(t *testing.T) {
	t.Parallel()
	_, err := createGoal(goal{}, &CreateGoal{Title: "whose?"}, Given{Role: events.Admin})
	var refusal *Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, "/as", refusal.Pointer)
	_, err = createGoal(goal{}, &CreateGoal{Title: "mine"}, Given{Role: events.Learner, Actor: uuid.New()})
	require.NoError(t, err)
}
