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

// History reads it in one snapshot: there no view is ahead of the log, unless the log has
// gone back.
func (r Reader) History(ctx context.Context) (h History, err error) {
	var head, applied int64
	err = r.pool.QueryRow(ctx, `-- read history
		select l.incarnation, coalesce((select max(position) from sical.events), 0),
			coalesce((select max(p.position) from sical.projection p where p.incarnation = l.incarnation), 0)
		from sical.log l`).Scan(&h.Incarnation, &head, &applied)
	h.Head, h.Applied = uint64(head), uint64(applied)
	return h, err
}

// BeginIncarnation declares that the log, whose incarnation was seen, has gone back to an
// earlier point, so that positions are given a second time. It returns the incarnation that
// holds from now on. Of several callers that declare the same, one begins a new one and
// all get that. why is kept for operators.
func (r Reader) BeginIncarnation(ctx context.Context, seen events.ID, why string) (id events.ID, err error) {
	err = r.pool.QueryRow(ctx, `-- begin incarnation
		select sical.begin_incarnation($1, $2)`, seen, why).Scan(&id)
	return id, err
}
