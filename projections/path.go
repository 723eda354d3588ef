package projections

import (
	"time"

	"sical-backend/events"
)

// PathRow is a learning path. A draft's words are its owner's alone and stand
// sealed in Draft and DraftText; once it is published they stand in the clear in
// Title and Description.
type PathRow struct {
	ID          events.ID         `json:"id"`
	Version     int               `json:"version"`
	Owner       events.ID         `json:"owner_id"`
	Draft       events.Personal   `json:"draft,omitempty"`
	DraftText   events.Personal   `json:"draft_text,omitempty"`
	Title       string            `json:"title,omitempty"`
	Description string            `json:"description,omitempty"`
	Category    string            `json:"category,omitempty"`
	Status      events.PathStatus `json:"status"`
	Points      []events.ID       `json:"points,omitempty"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
	PublishedAt *time.Time        `json:"published_at,omitempty"`
}

// Path answers: a path by id; the published paths by category, newest first, and
// those of them with some words in title or description.
var Path = model[PathRow]{
	name: "path", version: 3, keys: []string{"id"},
	columns: []Column{
		textColumn("status", func(r *PathRow) string { return string(r.Status) }),
		textColumn("category", func(r *PathRow) string { return r.Category }),
		timeColumn("created_at", func(r *PathRow) time.Time { return r.CreatedAt }),
		textColumn("words", pathWords),
	},
	indexes: []string{
		"on {table} (created_at desc, id desc) where status = 'published'",
		"on {table} (category, created_at desc, id desc) where status = 'published'",
		// Not of published ones alone, though only they have words: what the server
		// knows of a partial index's expressions it does not plan with.
		"on {table} using gin (" + WordsIndexed + ")",
	},
	events: []string{
		events.NameOf[events.PathCreated](), events.NameOf[events.PathDraftRevised](), events.NameOf[events.PathPublished](),
		events.NameOf[events.PathRevised](), events.NameOf[events.PathPointsSet](), events.NameOf[events.PathArchived](),
	},
	touches: ownStream(events.KindPath),
	fold:    foldPath,
	totals:  pathTotals,
	groups:  pathGroups,
}.view()

// PublishedPaths is the group of every list of published paths.
const PublishedPaths = "paths/published"

func foldPath(r *PathRow, e events.Event) bool {
	r.Version, r.UpdatedAt = e.Version, e.OccurredAt
	switch d := e.Data.(type) {
	case *events.PathCreated:
		*r = PathRow{
			ID: e.Stream.ID(), Version: e.Version, Owner: e.Owner,
			Draft: d.Title, DraftText: d.Description, Category: d.Category,
			Status: events.PathStatusDraft, Points: d.Points, CreatedAt: e.OccurredAt, UpdatedAt: e.OccurredAt,
		}
	case *events.PathDraftRevised:
		set(&r.Draft, d.Title)
		set(&r.DraftText, d.Description)
		setTo(&r.Category, d.Category)
	case *events.PathPublished:
		r.Draft, r.DraftText = "", ""
		r.Title, r.Description, r.Category = d.Title, d.Description, d.Category
		r.Status, r.PublishedAt = events.PathStatusPublished, earliest(r.PublishedAt, e.OccurredAt)
	case *events.PathRevised:
		set(&r.Title, d.Title)
		set(&r.Description, d.Description)
		setTo(&r.Category, d.Category)
	case *events.PathPointsSet:
		r.Points = d.Points.To
	case *events.PathArchived:
		r.Status = events.PathStatusArchived
	}
	return true
}

// pathWords are those of published paths: a draft's are sealed.
func pathWords(r *PathRow) string {
	if r.Status != events.PathStatusPublished {
		return ""
	}
	return words(r.Title, r.Description)
}

// pathTotals counts by category only what can be listed by it, and paths by the
// days they began and were first published on.
func pathTotals(r *PathRow) []Total {
	totals := []Total{{Daily(Created, events.DateOf(r.CreatedAt)), 1}}
	if r.PublishedAt != nil {
		totals = append(totals, Total{Daily(string(events.PathStatusPublished), events.DateOf(*r.PublishedAt)), 1})
	}
	category := ""
	if r.Status == events.PathStatusPublished {
		category = r.Category
	}
	return counts(totals, Everyone, string(r.Status), category)
}

func pathGroups(r *PathRow) []string {
	if r.Status != events.PathStatusPublished {
		return nil
	}
	return []string{PublishedPaths}
}
