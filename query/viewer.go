package query

import (
	"sical-backend/events"
	"sical-backend/projections"
)

// Viewer is who asks; the zero Viewer is anyone.
type Viewer struct {
	ID   events.ID
	Role events.Role
}

func (v Viewer) anonymous() bool { return v.ID == events.ID{} }

func (v Viewer) is(id events.ID) bool { return !v.anonymous() && v.ID == id }

// progress are the names that an answer depends on which shows what the viewer has learnt, and
// the others: who has no token has learnt nothing.
func (v Viewer) progress(others ...string) []string {
	if v.anonymous() {
		return others
	}
	return append(others, projections.ProgressOf(v.ID))
}

// mayGrade: curators and above see the assessments of others.
func (v Viewer) mayGrade() bool {
	return v.Role == events.Curator || v.mayModerate()
}

// mayModerate: moderators and above see accounts, and the text they have hidden.
func (v Viewer) mayModerate() bool {
	return v.Role == events.Moderator || v.Role == events.Admin
}

// wish is a thing that a viewer asks to see.
type wish struct {
	viewer Viewer
	id     events.ID
}

func wishes(v Viewer, ids []events.ID) []wish {
	list := make([]wish, len(ids))
	for i, id := range ids {
		list[i] = wish{v, id}
	}
	return list
}
