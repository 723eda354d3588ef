package projector

import (
	"context"

	"github.com/jackc/pgx/v5"

	"sical-backend/internal/postgres"
	"sical-backend/projections"
)

// condition is the state in which whoever is about to fold a build finds it.
type condition struct {
	whole bool // both its tables are there
	// ahead: a checkpoint is beyond what the log has: the log was put back to an earlier
	// point, or replaced by an older copy, and the views were not.
	ahead bool
	// unnoticed: it is ahead, and nobody has begun a new incarnation of the log for
	// that yet.
	unnoticed bool
}

func (c condition) sound() bool { return c.whole && !c.ahead }

// examine looks at a build and the log in one snapshot. A checkpoint of an earlier
// incarnation is good up to where the log ended when the next one began; one of an
// incarnation that the log does not know is good for nothing.
func examine(ctx context.Context, q postgres.Querier, b projections.Build) (c condition, err error) {
	err = q.QueryRow(ctx, `-- examine projection
		select to_regclass($4) is not null and to_regclass($5) is not null,
			coalesce(bool_or(p.position > h.head or p.incarnation <> l.incarnation and p.position > (
				select coalesce(min(later.head), 0)
				from sical.incarnation own join sical.incarnation later on later.began_at > own.began_at
				where own.id = p.incarnation)), false),
			coalesce(bool_or(p.position > h.head and p.incarnation = l.incarnation), false)
		from sical.projection p, sical.log l, (select coalesce(max(position), 0) from sical.events) h(head)
		where view = $1 and version = $2 and build = $3`,
		b.View, b.Version, b.Number, b.Table(), b.TotalTable()).Scan(&c.whole, &c.ahead, &c.unnoticed)
	return c, err
}

// restore empties a build that is not sound, to be built again: with its rows or sums
// missing, or with rows of events that the log has lost, it would be wrong for ever. Where
// nobody has noticed the log's loss yet, a new incarnation of the log begins.
func restore(ctx context.Context, tx pgx.Tx, v *projections.View, b projections.Build) (found condition, err error) {
	if err := LockVersion(ctx, tx, v); err != nil {
		return found, err
	}
	if found, err = examine(ctx, tx, b); err != nil || found.sound() {
		return found, err
	}
	if found.unnoticed {
		if _, err := tx.Exec(ctx, `-- begin incarnation
			select sical.begin_incarnation(incarnation, $1) from sical.log`,
			"the view "+v.Name+" has what the log has not"); err != nil {
			return found, err
		}
	}
	if err := makeTables(ctx, tx, v, b); err != nil {
		return found, err
	}
	if _, err := tx.Exec(ctx, "-- index "+v.Name+"\n"+v.IndexDDL(b)); err != nil {
		return found, err
	}
	if err := Skipped(ctx, tx, b, nil); err != nil {
		return found, err
	}
	return found, SetPosition(ctx, tx, b, 0)
}
