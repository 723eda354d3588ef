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

