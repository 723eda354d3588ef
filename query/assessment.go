package query

import (
	"context"
	"time"

	"sical-backend/events"
	"sical-backend/projections"
)

// Assessment is one learner's test.
type Assessment struct {
	ID          events.ID               `json:"id"`
	Version     int                     `json:"version" doc:"of the assessment, for If-Match"`
	Owner       events.ID               `json:"user_id"`
	Type        events.AssessmentType   `json:"assessment_type"`
	Status      events.AssessmentStatus `json:"status"`
	Goal        *events.ID              `json:"goal_id,omitempty"`
	Points      []events.ID             `json:"points" doc:"ids of the knowledge points it covers"`
	Score       *events.Hundredths      `json:"score,omitempty" doc:"absent until graded, and once void"`
	MaxScore    events.Hundredths       `json:"max_score"`
	Weight      events.Hundredths       `json:"weight"`
	DueDate     *events.Date            `json:"due_date,omitempty"`
	CreatedAt   time.Time               `json:"created_at"`
	UpdatedAt   time.Time               `json:"updated_at"`
	SubmittedAt *time.Time              `json:"submitted_at,omitempty"`
	GradedAt    *time.Time              `json:"graded_at,omitempty"`
}

func assessmentOf(r *projections.AssessmentRow) Assessment { return Assessment(*r) }

// maySeeAssessment: the learner's own, and those who grade.
func (v Viewer) maySeeAssessment(owner events.ID) bool { return v.is(owner) || v.mayGrade() }

// Assessment asks for one assessment.
func (a *Answerer) Assessment(v Viewer, id events.ID) Question {
	viewer := key(raw(v.ID), string(v.Role))
	return one(a.assessments, id, viewer, func(_ context.Context, r *projections.AssessmentRow) (any, int, error) {
		if !v.maySeeAssessment(r.Owner) {
			return nil, 0, ErrNotFound
		}
		return assessmentOf(r), r.Version, nil
	})
}

// AssessmentFilter narrows a list of assessments; zero values do not. The roll-ups
// know nothing of days: a list with Since has no total.
type AssessmentFilter struct {
	Type   events.AssessmentType
	Status events.AssessmentStatus
	Since  time.Time // only those created then or later
}

// AssessmentsOf asks for a learner's assessments, newest first. It fails with
// ErrNotFound where they are not the viewer's to see, and with ErrCursor.
func (a *Answerer) AssessmentsOf(v Viewer, owner events.ID, f AssessmentFilter, page Paging) (Question, error) {
	if !v.maySeeAssessment(owner) {
		return Question{}, ErrNotFound
	}
	day := events.Date(0) // where there is none: cursors given out by older releases are tied to it
	if !f.Since.IsZero() {
		day = events.DateOf(f.Since)
	}
	l := &list{
		name: key("assessments", owner.String(), string(f.Type), string(f.Status), day.String()),
		page: page, since: f.Since,
		where: []match{equals("owner_id", owner.String())},
	}
	types := oneOf("assessment_type", f.Type)
	statuses := oneOf("status", f.Status)
	if f.Type != "" || f.Status != "" {
		l.where = append(l.where, types, statuses)
	}
	for _, typ := range types.values {
		for _, status := range statuses.values {
			l.totals = append(l.totals, projections.Count(projections.OfUser(owner), status, typ))
		}
	}
	return ask(a, projections.Assessment, l, projections.AssessmentsOf(owner), each(assessmentOf))
}
