package projections

import (
	"time"

	"sical-backend/events"
)

// ProgressRow is what one learner did on one knowledge point: how much and how
// often they studied it, from when to when, since when it counts as learnt, and
// the days on which they studied it or took an assessment that covers it.
type ProgressRow struct {
	Learner     events.ID  `json:"learner_id"`
	Point       events.ID  `json:"point_id"`
	Amount      int64      `json:"amount"`
	Times       int64      `json:"times"`
	FirstAt     *time.Time `json:"first_studied_at,omitempty"`
	LastAt      *time.Time `json:"last_studied_at,omitempty"`
	CompletedAt *time.Time `json:"completed_at,omitempty"`
	Days        Days       `json:"days,omitempty"`
}

// Progress answers: a learner's points in the order of their ids, straight from
// the primary key, for a second index on the largest view would cost every study
// event; which of some points a learner has completed; which points learners are
// busy with lately.
var Progress = model[ProgressRow]{
	name: "progress", version: 3, keys: []string{"learner_id", "point_id"},
	columns: []Column{
		column("completed_at", "timestamptz", func(r *ProgressRow) *time.Time { return r.CompletedAt }),
	},
	events: []string{
		events.NameOf[events.Studied](), events.NameOf[events.PointLearnt](),
		events.NameOf[events.AssessmentSubmitted](), events.NameOf[events.AssessmentGraded](),
	},
	touches: touchProgress,
	begin:   func(r *ProgressRow, k Key) { r.Learner, r.Point = k.A, k.B },
	fold:    foldProgress,
	totals:  progressTotals,
	groups:  func(r *ProgressRow) []string { return []string{ProgressOf(r.Learner)} },
}.view()

// ProgressOf is the group of everything about what one learner did.
func ProgressOf(learner events.ID) string { return named("progress/of/", learner) }

// The sums of the progress view, the states that it counts rows by, and the kinds
// of its daily sums: points learnt on a day, and of each day and point, how many
// learners were busy with it on that day, and next after how many days. BusySpan is the
// longest stretch of days that these can tell of.
const (
	StudyAmount = "amount"
	StudyTimes  = "times"
	Learning    = "learning"
	Learnt      = "learnt"
	Busy        = "busy"
	BusySpan    = 70
)

func touchProgress(e events.Event) []Key {
	switch d := e.Data.(type) {
	case *events.Studied:
		return []Key{{e.Stream.ID(), d.Point}}
	case *events.PointLearnt:
		return []Key{{e.Stream.ID(), d.Point}}
	case *events.AssessmentSubmitted:
		return each(e.Owner, d.Points)
	case *events.AssessmentGraded: // names points where it was not handed in before
		return each(e.Owner, d.Points)
	}
	return nil
}

// each lists the rows of a learner and each of the points.
func each(learner events.ID, points []events.ID) []Key {
	keys := make([]Key, len(points))
	for i, point := range points {
		keys[i] = Key{learner, point}
	}
	return keys
}

func foldProgress(r *ProgressRow, e events.Event) bool {
	switch d := e.Data.(type) {
	case *events.Studied:
		r.Amount += d.Amount
		r.Times++
		r.FirstAt, r.LastAt = earliest(r.FirstAt, e.OccurredAt), latest(r.LastAt, e.OccurredAt)
	case *events.PointLearnt:
		r.CompletedAt = earliest(r.CompletedAt, e.OccurredAt)
	}
	r.Days.add(events.DateOf(e.OccurredAt))
	return true
}

func progressTotals(r *ProgressRow) []Total {
	state := Learning
	totals := make([]Total, 0, 5+len(r.Days))
	if r.CompletedAt != nil {
		state = Learnt
		totals = append(totals, Total{Daily(Learnt, events.DateOf(*r.CompletedAt)), 1})
	}
	totals = append(totals,
		Total{StudyAmount, r.Amount},
		Total{StudyTimes, r.Times},
		Total{Count(Everyone, state, ""), 1},
		Total{Count(OfUser(r.Learner), state, ""), 1},
	)
	r.Days.spells(BusySpan, func(day, gap events.Date) {
		totals = append(totals, Total{spell(DailyOf(Busy, day, r.Point), gap), 1})
	})
	return totals
}
