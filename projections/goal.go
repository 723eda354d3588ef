package projections

import (
	"time"

	"sical-backend/events"
)

// GoalRow is a goal as its readers see it; its paths and their points are
// composed from their own rows when it is read. Title and Description are
// sealed with the owner's key.
type GoalRow struct {
	ID          events.ID         `json:"id"`
	Version     int               `json:"version"`
	Owner       events.ID         `json:"owner_id"`
	Title       events.Personal   `json:"title"`
	Description events.Personal   `json:"description,omitempty"`
	Category    string            `json:"category,omitempty"`
	Status      events.GoalStatus `json:"status"`
	TargetDate  *events.Date      `json:"target_date,omitempty"`
	Visibility  events.Visibility `json:"visibility"`
	Paths       []events.ID       `json:"paths,omitempty"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
	EndedAt     *time.Time        `json:"ended_at,omitempty"`
}

// Goal answers: a goal by id; a user's goals by status or category, newest
// first; the public goals by category and status, newest first.
var Goal = model[GoalRow]{
	name: "goal", version: 2, keys: []string{"id"},
	columns: []Column{
		idColumn("owner_id", func(r *GoalRow) events.ID { return r.Owner }),
		textColumn("status", func(r *GoalRow) string { return string(r.Status) }),
		textColumn("category", func(r *GoalRow) string { return r.Category }),
		textColumn("visibility", func(r *GoalRow) string { return string(r.Visibility) }),
		timeColumn("created_at", func(r *GoalRow) time.Time { return r.CreatedAt }),
	},
	// A question names every visibility and status it admits, so that one index
	// in their order serves it with and without those filters.
	indexes: []string{
		"on {table} (owner_id, visibility, status, created_at desc, id desc)",
		"on {table} (owner_id, visibility, category, status, created_at desc, id desc)",
		"on {table} (status, created_at desc, id desc) where visibility = 'public'",
		"on {table} (category, status, created_at desc, id desc) where visibility = 'public'",
	},
	events: []string{
		events.NameOf[events.GoalCreated](), events.NameOf[events.GoalRevised](), events.NameOf[events.GoalStarted](),
		events.NameOf[events.GoalPaused](), events.NameOf[events.GoalCompleted](), events.NameOf[events.GoalAbandoned](),
		events.NameOf[events.GoalReopened](), events.NameOf[events.GoalPathsSet](), events.NameOf[events.GoalDeleted](),
	},
	touches: ownStream(events.KindGoal),
	fold:    foldGoal,
	totals:  goalTotals,
	groups:  goalGroups,
}.view()

// PublicGoals is the group of every list of public goals.
const PublicGoals = "goals/public"

// GoalsOf is the group of every list of one user's goals.
func GoalsOf(owner events.ID) string { return named("goals/of/", owner) }

func foldGoal(r *GoalRow, e events.Event) bool {
	r.Version, r.UpdatedAt = e.Version, e.OccurredAt
	switch d := e.Data.(type) {
	case *events.GoalCreated:
		*r = GoalRow{
			ID: e.Stream.ID(), Version: e.Version, Owner: e.Owner,
			Title: d.Title, Description: d.Description, Category: d.Category,
			Status: events.GoalStatusDraft, TargetDate: d.TargetDate, Visibility: d.Visibility, Paths: d.Paths,
			CreatedAt: e.OccurredAt, UpdatedAt: e.OccurredAt,
		}
	case *events.GoalRevised:
		set(&r.Title, d.Title)
		set(&r.Description, d.Description)
		setTo(&r.Category, d.Category)
		setTo(&r.TargetDate, d.TargetDate)
		setTo(&r.Visibility, d.Visibility)
	case *events.GoalPathsSet:
		r.Paths = d.Paths.To
	case *events.GoalStarted, *events.GoalReopened:
		r.Status, r.EndedAt = events.GoalStatusActive, nil
	case *events.GoalPaused:
		r.Status = events.GoalStatusPaused
	case *events.GoalCompleted:
		r.Status, r.EndedAt = events.GoalStatusCompleted, new(e.OccurredAt)
	case *events.GoalAbandoned:
		r.Status, r.EndedAt = events.GoalStatusAbandoned, new(e.OccurredAt)
	case *events.GoalDeleted:
		return false
	}
	return true
}

// ScopePublic is the scope of public goals.
const ScopePublic = "public"

// PublicOf is the scope of one user's public goals.
func PublicOf(owner events.ID) string { return ScopePublic + "/" + OfUser(owner) }

// goalTotals counts each goal in every combination that a list can ask for, by the
// day it began, and by the day it ended as its status says.
func goalTotals(r *GoalRow) []Total {
	totals := []Total{{Daily(Created, events.DateOf(r.CreatedAt)), 1}}
	if r.EndedAt != nil {
		totals = append(totals, Total{Daily(string(r.Status), events.DateOf(*r.EndedAt)), 1})
	}
	totals = counts(totals, Everyone, string(r.Status), "")
	totals = counts(totals, OfUser(r.Owner), string(r.Status), r.Category)
	if r.Visibility == events.Public {
		totals = counts(totals, ScopePublic, string(r.Status), r.Category)
		totals = counts(totals, PublicOf(r.Owner), string(r.Status), r.Category)
	}
	return totals
}

func goalGroups(r *GoalRow) []string {
	if r.Visibility == events.Public {
		return []string{GoalsOf(r.Owner), PublicGoals}
	}
	return []string{GoalsOf(r.Owner)}
}
