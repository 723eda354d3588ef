package query

import (
	"slices"
	"time"

	"sical-backend/internal/vault"
	"sical-backend/projections"
)

// walk is a seeker's way through the goals that may be what they look for, the newest first.
type walk struct {
	*seeker
	own   *rowPage[projections.GoalRow] // their private goals that are still before them
	last  *projections.GoalRow          // that they have passed
	ended bool
	findings
}

// sealedGoal is a goal that those who get to it open once for all.
type sealedGoal struct {
	row    *projections.GoalRow
	end    bool // there are older ones of its list, which were not read
	opened bool
	terms  []string // nil where its owner is forgotten
	err    error
}

// pass looks into the next goal. The walk ends behind as many found as the seeker wants, once there
// is another goal, and where a list ends of which not all was read: some that are older may be
// missing.
func (w *walk) pass(keys vault.Opener, g *sealedGoal) {
	if !w.ended && len(w.goals.goals) == w.limit {
		w.end(w.last)
	}
	if w.ended {
		return
	}
	terms, err := g.open(keys)
	if err != nil {
		w.err, w.ended = err, true
		return
	}
	if terms != nil && w.search.in(terms) {
		w.goals.goals = append(w.goals.goals, g.row)
	}
	if w.last = g.row; g.end {
		w.end(g.row)
	}
}

// ownUntil passes the seeker's own goals that come before another one, nil for all.
func (w *walk) ownUntil(keys vault.Opener, r *projections.GoalRow) {
	for !w.ended && len(w.own.rows) > 0 && (r == nil || newest(w.own.rows[0], r) < 0) {
		g := &sealedGoal{row: w.own.rows[0]}
		w.own.rows = w.own.rows[1:]
		g.end = len(w.own.rows) == 0 && w.own.next != ""
		w.pass(keys, g)
	}
}

// end ends the walk, which goes on behind a goal.
func (w *walk) end(r *projections.GoalRow) {
	m := markOf(r)
	w.next, w.ended = &m, true
}

// open are the terms of the goal's words.
func (g *sealedGoal) open(keys vault.Opener) ([]string, error) {
	if !g.opened {
		g.opened = true
		var words []string
		var ok bool
		if words, ok, g.err = opened(keys, g.row.Owner, g.row.Title, g.row.Description); g.err == nil && ok {
			g.terms = projections.Terms(words...)
		}
	}
	return g.terms, g.err
}

func markOf(r *projections.GoalRow) mark { return mark{r.CreatedAt.Truncate(time.Microsecond), r.ID} }

// newest orders goals as their lists do.
func newest(a, b *projections.GoalRow) int {
	if order := b.CreatedAt.Compare(a.CreatedAt); order != 0 {
		return order
	}
	return slices.Compare(b.ID[:], a.ID[:])
}
