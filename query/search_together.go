package query

import (
	"context"
	"slices"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/internal/vault"
	"sical-backend/projections"
)

// mostSeekers is how many searches that wait for a turn share one. Nearly all that a search
// takes is for the public goals, which are the same for all who look through the same list: of eight
// each takes an eighth of it.
const mostSeekers = 8

// seeker is one who searches goals.
type seeker struct {
	viewer Viewer
	filter GoalFilter
	after  *mark // from the cursor
	search Search
	limit  int
}

// findings are what a seeker has found.
type findings struct {
	goals       goalsFor
	next        *mark // after which the search goes on; nil at its end
	parts       goalParts
	checkpoints []projections.Checkpoint
	err         error
}

// listOf is what seekers have to have in common: the list of public goals that they look
// through, and the views that are read for them.
type listOf struct {
	filter    GoalFilter
	later     bool // than the first page
	after     mark
	anonymous bool
}

func (k *seeker) list() listOf {
	l := listOf{filter: k.filter, anonymous: k.viewer.anonymous()}
	if k.after != nil {
		l.later, l.after = true, *k.after
	}
	return l
}

// seek searches for all who share a turn, a list after the other: what is in memory at a time is
// of one. It fails for each of them alone.
func (a *Answerer) seek(ctx context.Context, seekers []*seeker) (map[*seeker]findings, error) {
	lists := map[listOf][]*seeker{}
	for _, k := range seekers {
		lists[k.list()] = append(lists[k.list()], k)
	}
	all := make(map[*seeker]findings, len(seekers))
	for _, those := range lists {
		found, err := a.seekIn(ctx, those)
		for i, k := range those {
			if err != nil {
				all[k] = findings{err: err}
			} else {
				all[k] = found[i]
			}
		}
	}
	return all, nil
}

// seekIn searches for seekers who look through the same list: what is public is read and opened
// once.
func (a *Answerer) seekIn(ctx context.Context, seekers []*seeker) ([]findings, error) {
	views := goalViews(seekers[0].viewer, summary)
	var public *rowPage[projections.GoalRow]
	var own []*rowPage[projections.GoalRow] // of each seeker
	checkpoints, err := a.Read(ctx, views.views, func(s *reading.Snapshot) error {
		public, own = seekers[0].enlist(s, &list{only: "visibility = 'public'"}), nil
		for _, k := range seekers {
			own = append(own, k.enlistOwn(s))
		}
		return s.Finish(ctx)
	})
	if err != nil {
		return nil, err
	}
	all, err := a.match(ctx, seekers, public, own)
	if err != nil {
		return nil, err
	}
	audience := make([]goalsFor, len(all))
	for i, f := range all {
		audience[i] = f.goals
	}
	// What they are composed of may be a moment younger, never older.
	var parts goalParts
	if _, err := a.Read(ctx, views.views, func(s *reading.Snapshot) (err error) {
		parts, err = readGoalParts(ctx, s, summary, audience...)
		return err
	}); err != nil {
		return nil, err
	}
	for i := range all {
		all[i].parts, all[i].checkpoints = parts, checkpoints
	}
	return all, nil
}

// enlist queues reading as many goals of a list as a page of a search opens.
func (k *seeker) enlist(s *reading.Snapshot, l *list) *rowPage[projections.GoalRow] {
	l.narrow(k.filter, projections.ScopePublic)
	l.page.Limit, l.after = mostOpened, k.after
	return enlist(s, projections.Goal, l)
}

// enlistOwn does so with the seeker's own private goals, which for nobody there are none of.
func (k *seeker) enlistOwn(s *reading.Snapshot) *rowPage[projections.GoalRow] {
	if k.viewer.anonymous() {
		return &rowPage[projections.GoalRow]{}
	}
	return k.enlist(s, &list{where: []match{
		equals("owner_id", k.viewer.ID.String()), equals("visibility", string(events.Private)),
	}})
}

// match opens goals until each seeker has found as many as they want, or all of theirs are.
func (a *Answerer) match(ctx context.Context, seekers []*seeker, public *rowPage[projections.GoalRow], own []*rowPage[projections.GoalRow]) ([]findings, error) {
	owners := set[events.ID]{}
	for _, r := range public.rows {
		owners.add([]events.ID{r.Owner})
	}
	for i, k := range seekers {
		if len(own[i].rows) > 0 {
			owners.add([]events.ID{k.viewer.ID})
		}
	}
	keys, err := a.keyring.Opener(ctx, owners.members...)
	if err != nil {
		return nil, err
	}
	has, err := matchPublic(keys, seekers, public.rows)
	if err != nil {
		return nil, err
	}
	all := make([]findings, len(seekers))
	for i, k := range seekers {
		f := &all[i]
		f.goals.to = k.viewer
		f.goals.goals, f.next, f.err = k.choose(keys, merged(candidatesOf(public, has[i]), candidatesOf(own[i], nil)))
	}
	return all, nil
}

// matchPublic tells for each seeker which of the public goals, by their places in the list, have
// the words, up to as many as that one wants. Each goal is opened once, and what it says is not kept.
func matchPublic(keys vault.Opener, seekers []*seeker, public []*projections.GoalRow) (has [][]bool, err error) {
	want := make([]int, len(seekers))
	for i, k := range seekers {
		want[i], has = k.limit, append(has, make([]bool, len(public)))
	}
	for row, r := range public {
		terms, err := termsOf(keys, r)
		if err != nil {
			return nil, err
		}
		for i, k := range seekers {
			if want[i] > 0 && terms != nil && k.search.in(terms) {
				has[i][row] = true
				want[i]--
			}
		}
		if slices.Max(want) == 0 {
			break
		}
	}
	return has, nil
}

// termsOf are those of a goal's words; nil where its owner is forgotten.
func termsOf(keys vault.Opener, r *projections.GoalRow) ([]string, error) {
	words, ok, err := opened(keys, r.Owner, r.Title, r.Description)
	if err != nil || !ok {
		return nil, err
	}
	return projections.Terms(words...), nil
}
