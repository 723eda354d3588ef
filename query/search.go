package query

import (
	"context"
	"errors"
	"slices"
	"time"

	"sical-backend/events"
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

// in tells whether a text has all the terms.
func (s Search) in(texts ...string) bool {
	has := projections.Terms(texts...)
	return !slices.ContainsFunc(s, func(term string) bool {
		_, found := slices.BinarySearch(has, term)
		return !found
	})
}

// mostOpened is how many goals a page of a search opens, at most: so many of the public ones
// and as many of the viewer's own. Their words are sealed, so no index can find them. The next
// page goes on from there.
const mostOpened = 1000

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
		return []string{projections.PublicGoals, projections.GoalsOf(v.ID), projections.ProgressOf(v.ID)}
	}
	q.load = func(ctx context.Context) (Answer, error) {
		lists := a.searched(v, f, after)
		pages := make([]*rowPage[projections.GoalRow], len(lists))
		checkpoints, err := a.Read(ctx, views.views, func(s *reading.Snapshot) error {
			for i, l := range lists {
				pages[i] = enlist(s, projections.Goal, l)
			}
			return s.Finish(ctx)
		})
		if err != nil {
			return Answer{}, err
		}
		found, next, err := a.match(ctx, merged(pages), search, page.Limit)
		if err != nil {
			return Answer{}, err
		}
		// What they are composed of may be a moment younger, never older.
		goals := goalsFor{v, found}
		var parts goalParts
		if _, err := a.Read(ctx, views.views, func(s *reading.Snapshot) (err error) {
			parts, err = readGoalParts(ctx, s, summary, goals)
			return err
		}); err != nil {
			return Answer{}, err
		}
		items, err := a.summarise(ctx, goals, parts)
		if err != nil {
			return Answer{}, err
		}
		body := Page[Goal]{Items: items}
		if next != nil {
			body.NextCursor = next.cursor(name)
		}
		return rendered(Answer{Checkpoints: checkpoints, Deps: goals.deps(summary)}, body)
	}
	return q, err
}

// searched are the lists that a search of goals reads: the public ones, and the
// viewer's own private ones.
func (a *Answerer) searched(v Viewer, f GoalFilter, after *mark) []*list {
	public := &list{only: "visibility = 'public'"}
	lists := []*list{public}
	if !v.anonymous() {
		lists = append(lists, &list{where: []match{
			equals("owner_id", v.ID.String()), equals("visibility", string(events.Private)),
		}})
	}
	for _, l := range lists {
		l.narrow(f, projections.ScopePublic)
		l.page.Limit, l.after = mostOpened, after
	}
	return lists
}

// candidates are goals in the order of their lists.
type candidates struct {
	rows []*projections.GoalRow
	more bool // there are older ones, which were not read
}

func markOf(r *projections.GoalRow) mark { return mark{r.CreatedAt.Truncate(time.Microsecond), r.ID} }

// newest orders goals as their lists do.
func newest(a, b *projections.GoalRow) int {
	if order := b.CreatedAt.Compare(a.CreatedAt); order != 0 {
		return order
	}
	return slices.Compare(b.ID[:], a.ID[:])
}

// merged puts pages together in order. Where a page is not the last of its list, rows that are
// older than its last one may be missing: they are left out.
func merged(pages []*rowPage[projections.GoalRow]) (c candidates) {
	for _, page := range pages {
		c.rows = append(c.rows, page.rows...)
	}
	slices.SortFunc(c.rows, newest)
	for _, page := range pages {
		if page.next == "" {
			continue
		}
		last := page.rows[len(page.rows)-1]
		c.more = true
		if end, found := slices.BinarySearchFunc(c.rows, last, newest); found {
			c.rows = c.rows[:end+1]
		}
	}
	return c
}

// match opens candidates until limit are found, and tells after which one the search goes on;
// nil at its end.
func (a *Answerer) match(ctx context.Context, c candidates, search Search, limit int) (found []*projections.GoalRow, next *mark, err error) {
	owners := set[events.ID]{}
	for _, r := range c.rows {
		owners.add([]events.ID{r.Owner})
	}
	keys, err := a.keyring.Opener(ctx, owners.members...)
	if err != nil {
		return nil, nil, err
	}
	for i, r := range c.rows {
		words, ok, err := opened(keys, r.Owner, r.Title, r.Description)
		if err != nil {
			return nil, nil, err
		}
		if ok && search.in(words...) {
			found = append(found, r)
		}
		last := i == len(c.rows)-1
		if len(found) == limit && !last || last && c.more {
			m := markOf(r)
			return found, &m, nil
		}
	}
	return found, nil, nil
}
