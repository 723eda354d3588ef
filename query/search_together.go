package query

import (
	"context"

	"sical-backend/events"
	"sical-backend/internal/reading"
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
	err         error // of opening what they got to
}

// publicList is the list of public goals that somebody looks through, and whether views are read
// for them that nobody in particular has no use for.
type publicList struct {
	filter    GoalFilter
	later     bool // than the first page
	after     mark
	anonymous bool
}

func (k *seeker) list() publicList {
	l := publicList{filter: k.filter, anonymous: k.viewer.anonymous()}
	if k.after != nil {
		l.later, l.after = true, *k.after
	}
	return l
}

// sameList tells whether two look through the same list: then they can share a turn.
func sameList(a, b *seeker) bool { return a.list() == b.list() }

// seek searches for all who share a turn: what is public is read once, and opened once to see
// whether somebody looks for it. It reads twice, perhaps from two servers: what is found is as
// current as the one that lags more, and it fails with ErrBehind where that has another build, or
// with reading.ErrOtherBuild.
func (a *Answerer) seek(ctx context.Context, seekers []*seeker) (map[*seeker]findings, error) {
	views := goalViews(seekers[0].viewer, summary)
	var public *rowPage[projections.GoalRow]
	var own []*rowPage[projections.GoalRow] // of each seeker
	checkpoints, err := a.reader.Read(ctx, views.views, func(s *reading.Snapshot) error {
		public, own = seekers[0].enlistPublic(s), nil
		for _, k := range seekers {
			own = append(own, k.enlistOwn(s))
		}
		return s.Finish(ctx)
	})
	if err != nil {
		return nil, err
	}
	all, err := a.search(ctx, seekers, public, own)
	if err != nil {
		return nil, err
	}
	audience := make([]goalsFor, len(all))
	for i, f := range all {
		audience[i] = f.goals
	}
	var parts goalParts
	also, err := a.reader.Read(ctx, views.views, func(s *reading.Snapshot) (err error) {
		parts, err = readGoalParts(ctx, s, summary, audience...)
		return err
	})
	if err != nil {
		return nil, err
	}
	checkpoints, same := reading.Both(checkpoints, also)
	if !same {
		return nil, ErrBehind // or a view was rebuilt in between: who asks again finds the same build twice
	}
	found := make(map[*seeker]findings, len(all))
	for i, f := range all {
		f.parts, f.checkpoints = parts, checkpoints
		found[seekers[i]] = f
	}
	return found, nil
}

// enlistPublic queues reading the next public goals, of whomever they are.
func (k *seeker) enlistPublic(s *reading.Snapshot) *rowPage[projections.GoalRow] {
	return k.enlist(s, &list{only: "visibility = 'public'", page: Paging{Limit: mostPublic}})
}

// enlistOwn queues reading the next of the seeker's own private goals, of which nobody has any.
func (k *seeker) enlistOwn(s *reading.Snapshot) *rowPage[projections.GoalRow] {
	if k.viewer.anonymous() {
		return &rowPage[projections.GoalRow]{}
	}
	return k.enlist(s, &list{page: Paging{Limit: mostOwn}, where: []match{
		equals("owner_id", k.viewer.ID.String()), equals("visibility", string(events.Private)),
	}})
}

// enlist queues reading those goals of a list that come behind the seeker's cursor.
func (k *seeker) enlist(s *reading.Snapshot, l *list) *rowPage[projections.GoalRow] {
	l.narrow(k.filter, projections.ScopePublic)
	l.after = k.after
	return enlist(s, projections.Goal, l)
}

// search opens the goals that were read until each of the seekers has found as many as they want.
// It opens a public one once for all of them, if somebody gets to it, and does not keep what it says.
func (a *Answerer) search(ctx context.Context, seekers []*seeker, public *rowPage[projections.GoalRow], own []*rowPage[projections.GoalRow]) ([]findings, error) {
	owners := set[events.ID]{}
	for _, r := range public.rows {
		owners.add(r.Owner)
	}
	walks := make([]walk, len(seekers))
	for i, k := range seekers {
		walks[i] = walk{seeker: k, own: own[i], findings: findings{goals: goalsFor{to: k.viewer}}}
		if len(own[i].rows) > 0 {
			owners.add(k.viewer.ID)
		}
	}
	keys, err := a.keyring.Opener(ctx, owners.members...)
	if err != nil {
		return nil, err
	}
	for i, r := range public.rows {
		g := &sealedGoal{row: r, end: public.next != "" && i == len(public.rows)-1}
		for j := range walks {
			walks[j].ownUntil(keys, r)
			walks[j].pass(keys, g)
		}
	}
	all := make([]findings, len(walks))
	for i := range walks {
		walks[i].ownUntil(keys, nil)
		all[i] = walks[i].findings
	}
	return all, nil
}
