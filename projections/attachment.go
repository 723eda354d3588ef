package projections

import (
	"slices"

	"sical-backend/events"
)

// AttachmentRow is which of a learner's goals attach a path, and since when.
type AttachmentRow struct {
	Path    events.ID  `json:"path_id"`
	Learner events.ID  `json:"learner_id"`
	Goals   []Attached `json:"goals"`
}

// Attached is a goal that attaches a path, in the order of their coming.
type Attached struct {
	Goal  events.ID   `json:"goal_id"`
	Since events.Date `json:"since"`
}

// Attachment answers which paths learners took up lately, and how many learners.
var Attachment = model[AttachmentRow]{
	name: "attachment", version: 1, keys: []string{"path_id", "learner_id"},
	events: []string{
		events.NameOf[events.GoalCreated](), events.NameOf[events.GoalPathsSet](), events.NameOf[events.GoalDeleted](),
	},
	touches: touchAttachment,
	begin:   func(r *AttachmentRow, k Key) { r.Path, r.Learner = k.A, k.B },
	fold:    foldAttachment,
	totals:  attachmentTotals,
}.view()

// Took is the kind of the sums by which a path's popularity is counted: of each
// day and path, how many learners took it up on that day by a goal that attaches
// it still, and next after how many days. TookSpan is the longest stretch of days
// that they can tell of.
const (
	Took     = "took"
	TookSpan = 140
)

func touchAttachment(e events.Event) []Key {
	var paths []events.ID
	switch d := e.Data.(type) {
	case *events.GoalCreated:
		paths = d.Paths
	case *events.GoalPathsSet:
		paths = slices.Concat(d.Paths.From, d.Paths.To)
	case *events.GoalDeleted:
		paths = d.Paths
	}
	var keys []Key
	for _, path := range paths {
		if k := (Key{path, e.Owner}); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

func foldAttachment(r *AttachmentRow, e events.Event) bool {
	goal := e.Stream.ID()
	attaches := false
	switch d := e.Data.(type) {
	case *events.GoalCreated:
		attaches = true
	case *events.GoalPathsSet:
		attaches = slices.Contains(d.Paths.To, r.Path)
	}
	at := slices.IndexFunc(r.Goals, func(a Attached) bool { return a.Goal == goal })
	switch {
	case attaches && at < 0:
		r.Goals = append(r.Goals, Attached{goal, events.DateOf(e.OccurredAt)})
	case !attaches && at >= 0:
		r.Goals = slices.Delete(r.Goals, at, at+1)
	}
	return len(r.Goals) > 0
}

func attachmentTotals(r *AttachmentRow) []Total {
	var days Days
	for _, g := range r.Goals {
		days.add(g.Since)
	}
	var totals []Total
	days.spells(TookSpan, func(day, gap events.Date) {
		totals = append(totals, Total{spell(DailyOf(Took, day, r.Path), gap), 1})
	})
	return totals
}
