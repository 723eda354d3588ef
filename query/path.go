package query

import (
	"context"
	"time"

	"sical-backend/events"
	"sical-backend/projections"
)

// Path is a learning path: the points to learn, in order.
type Path struct {
	ID          events.ID         `json:"id"`
	Version     int               `json:"version" doc:"of the path, for If-Match"`
	Owner       events.ID         `json:"owner_id"`
	Title       string            `json:"title"`
	Description string            `json:"description,omitempty"`
	Category    string            `json:"category,omitempty"`
	Status      events.PathStatus `json:"status"`
	Points      []events.ID       `json:"points" doc:"ids of its knowledge points, in order"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
	PublishedAt *time.Time        `json:"published_at,omitempty" doc:"absent for one never published"`
}

func pathOf(r *projections.PathRow) Path {
	return Path{
		ID: r.ID, Version: r.Version, Owner: r.Owner, Title: r.Title, Description: r.Description, Category: r.Category,
		Status: r.Status, Points: r.Points, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, PublishedAt: r.PublishedAt,
	}
}

// maySeePath: what was published once is public; what never was is its owner's.
func (v Viewer) maySeePath(r *projections.PathRow) bool {
	return r.PublishedAt != nil || v.is(r.Owner)
}

// showPath renders a path with its draft words opened; ok is false where their
// owner is forgotten.
func (a *Answerer) showPath(ctx context.Context, r *projections.PathRow) (p Path, ok bool, err error) {
	p = pathOf(r)
	if r.PublishedAt != nil {
		return p, true, nil
	}
	words, ok, err := a.open(ctx, r.Owner, r.Draft, r.DraftText)
	if ok {
		p.Title, p.Description = words[0], words[1]
	}
	return p, ok, err
}

// Path asks for one path: a published one, or a draft of the viewer's own.
func (a *Answerer) Path(v Viewer, id events.ID) Question {
	return one(a.paths, id, raw(v.ID), func(ctx context.Context, r *projections.PathRow) (any, int, error) {
		if !v.maySeePath(r) {
			return nil, 0, ErrNotFound
		}
		p, ok, err := a.showPath(ctx, r)
		if err == nil && !ok {
			err = ErrNotFound
		}
		return p, r.Version, err
	})
}

// PathFilter narrows a list of paths; zero values do not. There are no roll-ups by
// words: a list with Search has no total.
type PathFilter struct {
	Category string
	Search   Search
}

// PublishedPaths asks for the paths on offer, newest first. It fails with
// ErrCursor.
func (a *Answerer) PublishedPaths(f PathFilter, page Paging) (Question, error) {
	l := &list{
		name: key("paths", f.Category, f.Search.key()), page: page,
		only: "status = 'published'", search: f.Search,
		totals: []string{projections.Count(projections.Everyone, string(events.PathStatusPublished), f.Category)},
	}
	if f.Category != "" {
		l.where = append(l.where, equals("category", f.Category))
	}
	return ask(a, projections.Path, l, projections.PublishedPaths, each(pathOf))
}
