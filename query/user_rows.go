package query

import (
	"context"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"sical-backend/events"
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
func (a *Answerer) profiles(ctx context.Context, to Viewer, wishes []wish) (readResult[usersFound], error) {
	if !to.anonymous() {
		return a.ownProfiles.ask(ctx, wishes)
	}
	ids := make([]events.ID, len(wishes))
	for i, w := range wishes {
		ids[i] = w.id
	}
	return a.otherProfiles.ask(ctx, ids)
}

// findPublic reads what anybody may see of some users' goals, and all of their rows.
func (a *Answerer) findPublic(ctx context.Context, builds map[string]projections.Build, ids []events.ID) (t readResult[usersFound], err error) {
	owners := set[events.ID]{}
	owners.add(ids)
	f := usersFound{
		rows:    make(map[events.ID]*projections.UserRow, len(owners.members)),
		shelves: make(map[shelf][]*projections.GoalRow, len(owners.members)),
	}
	caches := a.rows.Load() // before anything is read: what is erased meanwhile is not kept
	users, goals := rowCacheOf[projections.UserRow](caches), rowCacheOf[projections.GoalRow](caches)
	t.found = f
	t.checkpoints, err = a.moment(ctx, builds, owners.members, part{
		projections.User.View, builds[projections.User.Name].Table() + ` where id = any($4)`,
		func(id events.ID, doc []byte) (err error) {
			f.rows[id], err = users.decode(id, doc, projections.User.Decode)
			return err
		},
	}, part{
		projections.Goal.View,
		`(select owner, 'public' as visibility from unnest($4) owner) l, ` + onShelf(builds[projections.Goal.Name].Table()),
		func(id events.ID, doc []byte) error {
			row, err := goals.decode(id, doc, projections.Goal.Decode)
			if err == nil {
				on := shelf{row.Owner, row.Visibility}
				f.shelves[on] = append(f.shelves[on], row)
			}
			return err
		},
	})
	return t, err
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
func findUsers(ctx context.Context, s *snapshot, wishes []wish) (f usersFound, err error) {
	ids, shelves := set[events.ID]{}, set[shelf]{}
	for _, w := range wishes {
		ids.add([]events.ID{w.id})
		shelves.add(w.shelves())
	}
	f.rows = find(s, projections.User, ids.members...)
	f.shelves = s.shelves(shelves.members)
	if err := s.send(ctx); err != nil {
		return f, err
	}
	var audience []goalsFor
	for _, w := range wishes {
		audience = append(audience, f.goalsOf(w))
	}
	f.parts, err = s.goalParts(ctx, summary, audience...)
	return f, err
}

// shelves queues reading the goals on each shelf; send fills what it returns.
func (s *snapshot) shelves(list []shelf) map[shelf][]*projections.GoalRow {
	owners, visibilities := make([]events.ID, len(list)), make([]string, len(list))
	for i, l := range list {
		owners[i], visibilities[i] = l.owner, string(l.visibility)
	}
	found, cache := make(map[shelf][]*projections.GoalRow, len(list)), rowCacheOf[projections.GoalRow](s.rows)
	s.batch.Queue(`-- list goal
		select l.owner, l.visibility, g.id, g.doc from unnest($1::uuid[], $2::text[]) l (owner, visibility), `+onShelf(s.table(projections.Goal.View)),
		owners, visibilities).
		Query(func(rows pgx.Rows) error {
			var on shelf
			var id events.ID
			var doc pgtype.DriverBytes // good until the next row
			_, err := pgx.ForEachRow(rows, []any{&on.owner, &on.visibility, &id, &doc}, func() error {
				row, err := cache.decode(id, doc, projections.Goal.Decode)
				found[on] = append(found[on], row)
				return err
			})
			return err
		})
	return found
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
