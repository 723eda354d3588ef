package projections

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"sical-backend/events"
)

// PointRow is a knowledge point, as it is stored and as it is answered: nothing in it is
// anybody's alone, so what is asked for it is given what stands in the table, and its
// members are those of the API. Prerequisites come from the curriculum's stream; Version
// is that of the point's own.
type PointRow struct {
	ID            events.ID   `json:"id"`
	Version       int         `json:"version" doc:"of the point's own words, for If-Match: its prerequisites do not count"`
	Title         string      `json:"title"`
	Description   string      `json:"description,omitempty"`
	Category      string      `json:"category,omitempty"`
	Difficulty    int         `json:"difficulty_level" min:"1" max:"10"`
	Minutes       int         `json:"estimated_minutes,omitzero" doc:"absent where unknown"`
	Prerequisites []events.ID `json:"prerequisites" doc:"the points to learn before it"`
	CreatedAt     time.Time   `json:"created_at"`
	UpdatedAt     time.Time   `json:"updated_at"`
}

// Point answers: a knowledge point by id; the points by category and
// difficulty, newest first, and those with some words in title or description.
var Point = model[PointRow]{
	name: "point", version: 5, keys: []string{"id"},
	columns: []Column{
		textColumn("category", func(r *PointRow) string { return r.Category }),
		intColumn("difficulty_level", func(r *PointRow) int64 { return int64(r.Difficulty) }),
		timeColumn("created_at", func(r *PointRow) time.Time { return r.CreatedAt }),
		textColumn("words", func(r *PointRow) string { return words(r.Title, r.Description) }),
		textColumn(PointBrief, brief),
	},
	indexes: []string{
		"on {table} (created_at desc, id desc)",
		"on {table} (difficulty_level, created_at desc, id desc)",
		"on {table} (category, created_at desc, id desc)",
		"on {table} (category, difficulty_level, created_at desc, id desc)",
		"on {table} using gin (" + WordsIndexed + ")",
	},
	events: []string{
		events.NameOf[events.PointCreated](), events.NameOf[events.PointRevised](), events.NameOf[events.PrerequisitesSet](),
	},
	touches: touchPoint,
	fold:    foldPoint,
	totals:  pointTotals,
	groups:  func(*PointRow) []string { return []string{AllPoints} },
}.view()

// PointBrief is the column with what a goal shows of a point: its members of the row, without its
// words. A page of goals shows hundreds of points, and nine tenths of their rows are words.
const PointBrief = "brief"

func brief(r *PointRow) string {
	doc, _ := json.Marshal(struct { // what cannot be written fails in the row itself
		ID         events.ID `json:"id"`
		Title      string    `json:"title"`
		Category   string    `json:"category,omitempty"`
		Difficulty int       `json:"difficulty_level"`
		Minutes    int       `json:"estimated_minutes,omitzero"`
	}{r.ID, r.Title, r.Category, r.Difficulty, r.Minutes})
	return string(doc)
}

// AllPoints is the group of every list of knowledge points.
const AllPoints = "points"

func pointTotals(r *PointRow) []Total {
	totals := []Total{{Daily(Created, events.DateOf(r.CreatedAt)), 1}}
	return counts(totals, Everyone, strconv.Itoa(r.Difficulty), r.Category)
}

func touchPoint(e events.Event) []Key {
	if d, ok := e.Data.(*events.PrerequisitesSet); ok {
		return []Key{KeyOf(d.Point)}
	}
	return ownStream(events.KindPoint)(e)
}

func foldPoint(r *PointRow, e events.Event) bool {
	r.UpdatedAt = e.OccurredAt
	switch d := e.Data.(type) {
	case *events.PointCreated:
		*r = PointRow{
			ID: e.Stream.ID(), Version: e.Version,
			Title: d.Title, Description: d.Description, Category: d.Category, Difficulty: d.Difficulty, Minutes: d.Minutes,
			CreatedAt: e.OccurredAt, UpdatedAt: e.OccurredAt,
		}
	case *events.PointRevised:
		r.Version = e.Version
		set(&r.Title, d.Title)
		set(&r.Description, d.Description)
		setTo(&r.Category, d.Category)
		setTo(&r.Difficulty, d.Difficulty)
		set(&r.Minutes, d.Minutes)
	case *events.PrerequisitesSet:
		r.Prerequisites = d.Prerequisites.To
	}
	return true
}
