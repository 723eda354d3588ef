package query

import (
	"bytes"
	"context"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// Point is a knowledge point.
type Point projections.PointRow

// storedRow is a row of a view whose rows are answered as they stand in their table: taken
// apart and put together again, a point costs an eighth of the processor time of its
// whole request. It is the body of one answer, which has it for its own: there is one key for
// each point.
type storedRow struct{ doc jsontext.Value }

// storedPoints are the knowledge points as they stand in their table.
var storedPoints = projections.ViewOf[storedRow]{
	View:   projections.Point.View,
	Decode: func(doc []byte) (*storedRow, error) { return &storedRow{bytes.Clone(doc)}, nil },
}

func (s *storedRow) answer() jsontext.Value { return s.doc }

// version is that of the aggregate. It fails where the row is no JSON.
func (s *storedRow) version() (int, error) {
	row, err := projections.Decode[struct {
		Version int `json:"version"`
	}](s.doc)
	return row.Version, err
}

// Point asks for one knowledge point.
func (a *Answerer) Point(id events.ID) Question {
	return one(a.points, id, "", func(_ context.Context, r *storedRow) (any, int, error) {
		version, err := r.version()
		return r.doc, version, err
	})
}

// PointsByID asks for several, in the order of the ids; missing ones are left out.
func (a *Answerer) PointsByID(ids []events.ID) Question {
	return Question{
		Key: key("points by id", joined(ids)), Views: []string{projections.Point.Name}, Deps: func() []string { return rowDeps(projections.Point.View, ids) },
		gather: func(ctx context.Context, due reading.Due) (Answer, error) {
			t, err := a.points.Ask(ctx, ids, due)
			if err != nil {
				return Answer{}, err
			}
			return rendered(Answer{Checkpoints: t.Checkpoints}, Page[jsontext.Value]{Items: inOrder(ids, t.Found, (*storedRow).answer)})
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
func (a *Answerer) Points(f PointFilter, page Paging) (Question, error) {
	l := &list{
		name: key("points", f.Category, strconv.Itoa(f.Difficulty), f.Search.key()),
		page: page, search: f.Search,
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
	return ask(a, storedPoints, l, projections.AllPoints, each((*storedRow).answer))
}
