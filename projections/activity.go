package projections

import "sical-backend/events"

// ActivityRow is the days on which a learner did something: studied, completed a
// point, or took an assessment.
type ActivityRow struct {
	Learner events.ID `json:"learner_id"`
	Days    Days      `json:"days"`
}

// Activity answers how many learners were active within a stretch of days.
var Activity = model[ActivityRow]{
	name: "activity", version: 1, keys: []string{"learner_id"},
	events: []string{
		events.NameOf[events.Studied](), events.NameOf[events.PointLearnt](),
		events.NameOf[events.AssessmentSubmitted](), events.NameOf[events.AssessmentGraded](),
	},
	touches: func(e events.Event) []Key {
		learner, ok := active(e)
		if !ok {
			return nil
		}
		return []Key{KeyOf(learner)}
	},
	begin: func(r *ActivityRow, k Key) { r.Learner = k.A },
	fold: func(r *ActivityRow, e events.Event) bool {
		r.Days.add(events.DateOf(e.OccurredAt))
		return true
	},
	totals: activityTotals,
}.view()

// Active is the kind of the sums by which active learners are counted: of each
// day, how many were active on it and next after how many days. ActiveSpan is the
// longest stretch of days that they can tell of.
const (
	Active     = "active"
	ActiveSpan = 30
)

// active tells whose doing an event is; ok is false where it is no learner's.
func active(e events.Event) (learner events.ID, ok bool) {
	switch d := e.Data.(type) {
	case *events.Studied, *events.PointLearnt:
		return e.Stream.ID(), true
	case *events.AssessmentSubmitted:
		return e.Owner, true
	case *events.AssessmentGraded: // unless it was handed in before
		return e.Owner, d.From == events.AssessmentStatusScheduled
	}
	return events.ID{}, false
}

func activityTotals(r *ActivityRow) []Total {
	totals := make([]Total, 0, len(r.Days))
	r.Days.spells(ActiveSpan, func(day, gap events.Date) {
		totals = append(totals, Total{spell(Daily(Active, day), gap), 1})
	})
	return totals
}
