package projections

import (
	"time"

	"sical-backend/events"
)

// AssessmentRow is one learner's test. Score is nil until it is graded and
// after it is voided.
type AssessmentRow struct {
	ID          events.ID               `json:"id"`
	Version     int                     `json:"version"`
	Owner       events.ID               `json:"user_id"`
	Type        events.AssessmentType   `json:"assessment_type"`
	Status      events.AssessmentStatus `json:"status"`
	Goal        *events.ID              `json:"goal_id,omitempty"`
	Points      []events.ID             `json:"points,omitempty"`
	Score       *events.Hundredths      `json:"score,omitempty"`
	MaxScore    events.Hundredths       `json:"max_score"`
	Weight      events.Hundredths       `json:"weight"`
	DueDate     *events.Date            `json:"due_date,omitempty"`
	CreatedAt   time.Time               `json:"created_at"`
	UpdatedAt   time.Time               `json:"updated_at"`
	SubmittedAt *time.Time              `json:"submitted_at,omitempty"`
	GradedAt    *time.Time              `json:"graded_at,omitempty"`
}

// Assessment answers: an assessment by id; a user's assessments by type and
// status, newest first and since a day.
var Assessment = model[AssessmentRow]{
	name: "assessment", version: 3, keys: []string{"id"},
	columns: []Column{
		idColumn("owner_id", func(r *AssessmentRow) events.ID { return r.Owner }),
		textColumn("assessment_type", func(r *AssessmentRow) string { return string(r.Type) }),
		textColumn("status", func(r *AssessmentRow) string { return string(r.Status) }),
		timeColumn("created_at", func(r *AssessmentRow) time.Time { return r.CreatedAt }),
	},
	// The second serves each filter alone as well: its question names the four
	// values of the other.
	indexes: []string{
		"on {table} (owner_id, created_at desc, id desc)",
		"on {table} (owner_id, assessment_type, status, created_at desc, id desc)",
	},
	events: []string{
		events.NameOf[events.AssessmentScheduled](), events.NameOf[events.AssessmentSubmitted](),
		events.NameOf[events.AssessmentGraded](), events.NameOf[events.AssessmentVoided](),
	},
	touches: ownStream(events.KindAssessment),
	fold:    foldAssessment,
	totals:  assessmentTotals,
	groups:  func(r *AssessmentRow) []string { return []string{AssessmentsOf(r.Owner)} },
}.view()

// AssessmentsOf is the group of every list of one user's assessments.
func AssessmentsOf(owner events.ID) string { return named("assessments/of/", owner) }

// The sums over assessments that have a score: how many, and the scores added up
// in hundredths of a per cent of their maximum, each to the nearest.
const (
	Scored   = "scored"
	ScoreSum = "score_sum"
)

func foldAssessment(r *AssessmentRow, e events.Event) bool {
	r.Version, r.UpdatedAt = e.Version, e.OccurredAt
	switch d := e.Data.(type) {
	case *events.AssessmentScheduled:
		*r = AssessmentRow{
			ID: e.Stream.ID(), Version: e.Version, Owner: e.Owner,
			Type: d.Type, Status: events.AssessmentStatusScheduled, Goal: d.Goal, Points: d.Points,
			MaxScore: d.MaxScore, Weight: d.Weight, DueDate: d.DueDate, CreatedAt: e.OccurredAt, UpdatedAt: e.OccurredAt,
		}
	case *events.AssessmentSubmitted:
		r.Status, r.SubmittedAt = events.AssessmentStatusSubmitted, new(e.OccurredAt)
	case *events.AssessmentGraded:
		r.Status, r.Score, r.GradedAt = events.AssessmentStatusGraded, &d.Score, new(e.OccurredAt)
	case *events.AssessmentVoided:
		r.Status, r.Score = events.AssessmentStatusVoid, nil
	}
	return true
}

// assessmentTotals counts by status and type, the questions add up what they leave
// open; and by the days they began, were handed in and last graded on.
func assessmentTotals(r *AssessmentRow) []Total {
	totals := []Total{
		{Daily(Created, events.DateOf(r.CreatedAt)), 1},
		{Count(Everyone, string(r.Status), string(r.Type)), 1},
		{Count(OfUser(r.Owner), string(r.Status), string(r.Type)), 1},
	}
	if r.SubmittedAt != nil {
		totals = append(totals, Total{Daily(string(events.AssessmentStatusSubmitted), events.DateOf(*r.SubmittedAt)), 1})
	}
	if r.GradedAt != nil {
		totals = append(totals, Total{Daily(string(events.AssessmentStatusGraded), events.DateOf(*r.GradedAt)), 1})
	}
	if r.Score != nil && r.MaxScore > 0 {
		totals = append(totals, Total{Scored, 1}, Total{ScoreSum, share(*r.Score, r.MaxScore)})
	}
	return totals
}

// share is the score in hundredths of a per cent of its maximum, to the nearest: the mean of
// what was cut off would be too low.
func share(score, maximum events.Hundredths) int64 {
	return (int64(score)*100_00 + int64(maximum)/2) / int64(maximum)
}
