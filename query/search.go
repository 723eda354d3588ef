package query

import (
	"context"
	"errors"
	"slices"

	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// Search is the terms that what is found has, all of them; nil for no search.
type Search []string

// ErrSearch is returned for a search that names nothing.
var ErrSearch = errors.New("there is no word to search for")

// ParseSearch reads what somebody searches for. It fails with ErrSearch.
func ParseSearch(text string) (Search, error) {
	terms := projections.SearchTerms(text)
	if len(terms) == 0 {
		return nil, ErrSearch
	}
	return terms, nil
}

// key is the same for searches that find the same.
func (s Search) key() string {
	if s == nil {
		return ""
	}
	return key(s...)
}

// in tells whether a text with these terms has all of the search's.
func (s Search) in(terms []string) bool {
	return !slices.ContainsFunc(s, func(term string) bool {
		_, found := slices.BinarySearch(terms, term)
		return !found
	})
}

// What a page of a search opens at most: so many of the public goals and so many of the viewer's
// own private ones. Their words are sealed, so no index can find them. The next page goes on from
// there. What is public is in memory once for all who share it, what is one's own for each.
const mostPublic, mostOwn = 1000, 250

// SearchGoals asks for the public goals and the viewer's own with some words in
// title or description, newest first. A page may hold fewer than the limit, or
// none, and yet not be the last. It fails with ErrCursor.
func (a *Answerer) SearchGoals(v Viewer, f GoalFilter, search Search, page Paging) (Question, error) {
	name := key("search goals", v.ID.String(), f.Category, string(f.Status), search.key())
	after, err := parseCursor(name, page.Cursor)
	q, _ := (&list{name: name, page: Paging{Limit: page.Limit}}).question()
	q.Key, q.searches = key(q.Key, page.Cursor), true
	views := goalViews(v, summary)
	q.Views = views.names
	q.Deps = func() []string {
		return v.progress(projections.PublicGoals, projections.GoalsOf(v.ID))
	}
	q.gather = func(ctx context.Context, due reading.Due) (Answer, error) {
		me := &seeker{viewer: v, filter: f, after: after, search: search, limit: page.Limit}
		all, err := a.seekers.Ask(ctx, []*seeker{me}, due)
		if err != nil {
			return Answer{}, err
		}
		found := all[me]
		if found.err != nil {
			return Answer{}, found.err
		}
		items, err := a.summarise(ctx, found.goals, found.parts)
		if err != nil {
			return Answer{}, err
		}
		body := Page[Goal]{Items: items}
		if found.next != nil {
			body.NextCursor = found.next.cursor(name)
		}
		return rendered(Answer{Checkpoints: found.checkpoints, Deps: found.goals.deps(summary)}, body)
	}
	return q, err
}
