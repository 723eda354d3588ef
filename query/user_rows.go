package query

import (
	"context"
	"slices"
	"strconv"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// shelf is one of the lists that a profile's goals stand in.
type shelf struct {
	owner      events.ID
	visibility events.Visibility
}

// shelves are those of the wanted user that the viewer may see.
func (w wish) shelves() []shelf {
	if w.viewer.is(w.id) {
		return []shelf{{w.id, events.Private}, {w.id, events.Public}}
	}
	return []shelf{{w.id, events.Public}}
}

// usersFound are the rows of some users, and what their profiles are composed of.
type usersFound struct {
	rows    map[events.ID]*projections.UserRow
	shelves map[shelf][]*projections.GoalRow
	parts   goalParts
}

// profiles reads what some profiles are made of.
func (a *Answerer) profiles(ctx context.Context, to Viewer, wishes []wish, due reading.Due) (reading.Result[usersFound], error) {
	if !to.anonymous() {
		return a.ownProfiles.Ask(ctx, wishes, due)
	}
	ids := make([]events.ID, len(wishes))
	for i, w := range wishes {
		ids[i] = w.id
	}
	return a.otherProfiles.Ask(ctx, ids, due)
}

// findPublic is what anybody may see of some users' goals, and all of their rows. "offset 0"
// hides that only public goals are asked for: in a table with few rows the server takes the
// list of all public goals for as good as the owner's, and walks it for each owner for as
// long as it keeps that plan, a thousand times the work once there are thousands of goals.
func findPublic(owners []events.ID) (usersFound, []reading.Part) {
	f := usersFound{
		rows:    make(map[events.ID]*projections.UserRow, len(owners)),
		shelves: make(map[shelf][]*projections.GoalRow, len(owners)),
	}
	return f, []reading.Part{
		reading.PartOf(projections.User, func(table string) string { return table + ` where id = any($2)` },
			func(id events.ID, r *projections.UserRow) { f.rows[id] = r }),
		reading.PartOf(projections.Goal, func(table string) string {
			return `(select owner, 'public' as visibility from unnest($2) owner offset 0) l, ` + onShelf(table)
		}, f.shelve),
	}
}

// shelve puts a goal on its shelf, behind those that are there.
func (f usersFound) shelve(_ events.ID, r *projections.GoalRow) {
	on := shelf{r.Owner, r.Visibility}
	f.shelves[on] = append(f.shelves[on], r)
}

// onShelf selects the active goals on a shelf l of a table, the newest first, as many as
// a profile shows.
func onShelf(table string) string {
	return `lateral (
			select id, doc from ` + table + `
			where owner_id = l.owner and visibility = l.visibility and status = 'active'
			order by created_at desc, id desc limit ` + strconv.Itoa(profileGoals) + `) g`
}

// findUsers reads profiles for all who wish to see one, of which some are their own, in
// three round trips at most.
func findUsers(ctx context.Context, s *reading.Snapshot, wishes []wish) (f usersFound, err error) {
	ids, shelves := set[events.ID]{}, set[shelf]{}
	for _, w := range wishes {
		ids.add(w.id)
		shelves.add(w.shelves()...)
	}
	f.rows = reading.Find(s, projections.User, ids.members...)
	f.shelves = make(map[shelf][]*projections.GoalRow, len(shelves.members))
	f.queueShelves(s, shelves.members)
	if err := s.Send(ctx); err != nil {
		return f, err
	}
	var audience []goalsFor
	for _, w := range wishes {
		audience = append(audience, f.goalsOf(w))
	}
	f.parts, err = readGoalParts(ctx, s, summary, audience...)
	return f, err
}

// queueShelves queues reading the goals on each shelf; Send puts them there.
func (f usersFound) queueShelves(s *reading.Snapshot, list []shelf) {
	owners, visibilities := make([]events.ID, len(list)), make([]string, len(list))
	for i, l := range list {
		owners[i], visibilities[i] = l.owner, string(l.visibility)
	}
	reading.Select(s, projections.Goal, `-- list goal
		select g.id, g.doc from unnest($1::uuid[], $2::text[]) l (owner, visibility), `+onShelf(s.Table(projections.Goal.View)),
		[]any{owners, visibilities}, f.shelve)
}

// goalsOf are the goals on the profile, the newest first.
func (f usersFound) goalsOf(w wish) goalsFor {
	shelves := w.shelves()
	goals := f.shelves[shelves[0]]
	for _, also := range shelves[1:] {
		goals = slices.Concat(goals, f.shelves[also])
		slices.SortFunc(goals, newest)
	}
	return goalsFor{w.viewer, goals[:min(profileGoals, len(goals))]}
}
