package query

import (
	"context"
	"strconv"
	"time"

	"sical-backend/events"
	"sical-backend/projections"
)

// Point is a knowledge point.
type Point struct {
	ID            events.ID   `json:"id"`
	Version       int         `json:"version" doc:"of the point, for If-Match"`
	Title         string      `json:"title"`
	Description   string      `json:"description,omitempty"`
	Category      string      `json:"category,omitempty"`
	Difficulty    int         `json:"difficulty_level" min:"1" max:"10"`
	Minutes       int         `json:"estimated_minutes,omitempty" doc:"absent where unknown"`
	Prerequisites []events.ID `json:"prerequisites" doc:"the points to learn before it"`
	CreatedAt     time.Time   `json:"created_at"`
	UpdatedAt     time.Time   `json:"updated_at"`
}

func pointOf(r *projections.PointRow) Point {
	return Point{
		ID: r.ID, Version: r.Version, Title: r.Title, Description: r.Description, Category: r.Category,
		Difficulty: r.Difficulty, Minutes: r.Minutes, Prerequisites: r.Prerequisites, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// Point asks for one knowledge point.
func (a *Asker) Point(id events.ID) Question {
	return one(a, projections.Point, id, "", func(_ context.Context, r *projections.PointRow) (any, int, error) {
		return pointOf(r), r.Version, nil
	})
}

// PointsByID asks for several, in the order of the ids; missing ones are left out.
func (a *Asker) PointsByID(ids []events.ID) Question {
	return Question{
		Key: key("points by id", joined(ids)), Views: []string{projections.Point.Name}, Deps: func() []string { return rowDeps(projections.Point, ids) },
		gathered: true,
		load: func(ctx context.Context) (Answer, error) {
			found, checkpoints, err := rowsByID[projections.PointRow](ctx, a, projections.Point, ids)
			if err != nil {
				return Answer{}, err
			}
			return rendered(Answer{Checkpoints: checkpoints}, Page[Point]{Items: inOrder(ids, found, pointOf)})
		},
	}
}

// inOrder renders the rows found in the order in which they were asked for.
func inOrder[R, T any](ids []events.ID, found map[events.ID]*R, render func(*R) T) []T {
	items := make([]T, 0, len(ids))
	for _, id := range ids {
		if r := found[id]; r != nil {
			items = append(items, render(r))
		}
	}
	return items
}

// PointFilter narrows a list of knowledge points; zero values do not. A list with
// Search has no total.
type PointFilter struct {
	Category   string
	Difficulty int
	Search     Search
}

// Points asks for knowledge points, newest first. It fails with ErrCursor.
func (a *Asker) Points(f PointFilter, page Paging) (Question, error) {
	l := &list{
		name: key("points", f.Category, strconv.Itoa(f.Difficulty), f.Search.key()),
		view: projections.Point, page: page, search: f.Search,
	}
	if f.Category != "" {
		l.where = append(l.where, equals("category", f.Category))
	}
	if f.Difficulty != 0 {
		l.where = append(l.where, equals("difficulty_level", strconv.Itoa(f.Difficulty)))
	}
	for level := 1; level <= 10; level++ {
		if f.Difficulty == 0 || f.Difficulty == level {
			l.totals = append(l.totals, projections.Count(projections.Everyone, strconv.Itoa(level), f.Category))
		}
	}
	return ask(a, l, projections.AllPoints, each(pointOf))
}
