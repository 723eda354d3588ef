package eventlog

import (
	"context"

	"sical-backend/events"
)

// History says which log this is and how far it goes, as of one instant.
type History struct {
	Incarnation events.ID
	Head        uint64 // position of the newest event, 0 for an empty log
	// Applied is the furthest checkpoint that any view has of this incarnation.
	// Beyond Head it tells that the log has lost events: it went back.
	Applied uint64
}

// History reads it in one snapshot: views follow the log, so that none can be
// seen ahead of it.
func (r Reader) History(ctx context.Context) (h History, err error) {
	var head, applied int64
	err = r.pool.QueryRow(ctx, `-- read history
		select l.incarnation, coalesce((select max(position) from sical.events), 0),
			coalesce((select max(p.position) from sical.projection p where p.incarnation = l.incarnation), 0)
		from sical.log l`).Scan(&h.Incarnation, &head, &applied)
	h.Head, h.Applied = uint64(head), uint64(applied)
	return h, err
}

// BeginIncarnation declares that the log went back to an earlier point since seen
// was its incarnation: positions that were given are given again. It returns the
// incarnation that holds; of several that declare the same, one begins it. why is
// kept for operators.
func (r Reader) BeginIncarnation(ctx context.Context, seen events.ID, why string) (id events.ID, err error) {
	err = r.pool.QueryRow(ctx, `-- begin incarnation
		select sical.begin_incarnation($1, $2)`, seen, why).Scan(&id)
	return id, err
}
