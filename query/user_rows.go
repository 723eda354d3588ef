package query

import (
	"context"
	"slices"

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

// findUsers reads profiles for all who wish to see one, in three round trips at most.
func findUsers(ctx context.Context, s *snapshot, wishes []wish) (f usersFound, err error) {
	ids, shelves := set[events.ID]{}, set[shelf]{}
	for _, w := range wishes {
		ids.add([]events.ID{w.id})
		shelves.add(w.shelves())
	}
	f.rows = find[projections.UserRow](s, projections.User, ids.members...)
	f.shelves = s.shelves(shelves.members)
	if err := s.send(ctx); err != nil {
		return f, err
	}
	var audience []shown
	for _, w := range wishes {
		audience = append(audience, f.goalsOf(w))
	}
	f.parts, err = s.goalParts(ctx, summary, audience...)
	return f, err
}

// shelves queues reading the active goals on each shelf, as many as a profile shows;
// send fills what it returns.
func (s *snapshot) shelves(list []shelf) map[shelf][]*projections.GoalRow {
	owners, visibilities := make([]events.ID, len(list)), make([]string, len(list))
	for i, l := range list {
		owners[i], visibilities[i] = l.owner, string(l.visibility)
	}
	found, known := make(map[shelf][]*projections.GoalRow, len(list)), decodedAs[projections.GoalRow](s.remembered)
	s.batch.Queue(`-- list goal
		select l.owner, l.visibility, g.id, g.doc from unnest($1::uuid[], $2::text[]) l (owner, visibility), lateral (
			select id, doc from `+s.table(projections.Goal)+`
			where owner_id = l.owner and visibility = l.visibility and status = 'active'
			order by created_at desc, id desc limit $3) g`, owners, visibilities, profileGoals).
		Query(func(rows pgx.Rows) error {
			var on shelf
			var id events.ID
			var doc pgtype.DriverBytes // good until the next row
			_, err := pgx.ForEachRow(rows, []any{&on.owner, &on.visibility, &id, &doc}, func() error {
				row, err := known.of(id, doc, func(doc []byte) (*projections.GoalRow, error) {
					return decode[projections.GoalRow](projections.Goal, doc)
				})
				found[on] = append(found[on], row)
				return err
			})
			return err
		})
	return found
}

// goalsOf are the goals on the profile, the newest first.
func (f usersFound) goalsOf(w wish) shown {
	shelves := w.shelves()
	goals := f.shelves[shelves[0]]
	for _, also := range shelves[1:] {
		goals = slices.Concat(goals, f.shelves[also])
		slices.SortFunc(goals, newest)
	}
	return shown{w.viewer, goals[:min(profileGoals, len(goals))]}
}
