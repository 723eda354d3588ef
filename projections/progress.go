package projections

import (
	"time"

	"sical-backend/events"
)

// ProgressRow is what one learner did on one knowledge point: how much and how
// often, from when to when, and since when it counts as learnt.
type ProgressRow struct {
	Learner     events.ID  `json:"learner_id"`
	Point       events.ID  `json:"point_id"`
	Amount      int64      `json:"amount"`
	Times       int64      `json:"times"`
	FirstAt     *time.Time `json:"first_studied_at,omitempty"`
	LastAt      *time.Time `json:"last_studied_at,omitempty"`
	CompletedAt *time.Time `json:"completed_at,omitempty"`
}

// Progress answers: a learner's points in the order of their ids, straight from
// the primary key, for a second index on the largest view would cost every study
// event; which of some points a learner has completed.
var Progress = model[ProgressRow]{
	name: "progress", version: 1, keys: []string{"learner_id", "point_id"},
	columns: []Column{
		column("completed_at", "timestamptz", func(r *ProgressRow) *time.Time { return r.CompletedAt }),
	},
	events:  names(events.NameOf[events.Studied](), events.NameOf[events.PointLearnt]()),
	touches: touchProgress,
	fold:    foldProgress,
	totals:  progressTotals,
	groups:  func(r *ProgressRow) []string { return []string{ProgressOf(r.Learner)} },
}.view()

// ProgressOf is the group of everything about what one learner did.
func ProgressOf(learner events.ID) string { return "progress/of/" + learner.String() }

// The sums of the progress view, and the states that it counts rows by.
const (
	StudyAmount = "amount"
	StudyTimes  = "times"
	Learning    = "learning"
	Learnt      = "learnt"
)

func touchProgress(e events.Event) []Key {
	switch d := e.Data.(type) {
	case *events.Studied:
		return []Key{{e.Stream.ID(), d.Point}}
	case *events.PointLearnt:
		return []Key{{e.Stream.ID(), d.Point}}
	}
	return nil
}

func foldProgress(r *ProgressRow, e events.Event) bool {
	r.Learner = e.Stream.ID()
	switch d := e.Data.(type) {
	case *events.Studied:
		r.Point = d.Point
		r.Amount += d.Amount
		r.Times++
		r.FirstAt, r.LastAt = earliest(r.FirstAt, e.OccurredAt), latest(r.LastAt, e.OccurredAt)
	case *events.PointLearnt:
		r.Point = d.Point
		r.CompletedAt = earliest(r.CompletedAt, e.OccurredAt)
	}
	return true
}

func progressTotals(r *ProgressRow) []Total {
	state := Learning
	if r.CompletedAt != nil {
		state = Learnt
	}
	return []Total{
		{StudyAmount, r.Amount},
		{StudyTimes, r.Times},
		{Count(Everyone, state, ""), 1},
		{Count(OfUser(r.Learner), state, ""), 1},
	}
}
