package rebuild

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/internal/projector"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// Pause stops the folding of all builds of a view until Resume; reads go on. A build that a
// rebuild is making is folded on, and is paused once it is read. It fails with ErrUnready.
func Pause(ctx context.Context, pool *pgxpool.Pool, v *projections.View) error {
	return steer(ctx, pool, v, wire.ViewPaused, `
		select distinct view, version, build from sical.projection p
		where view = $1 and version = $2 and state <> 'building' and not exists (
			select from sical.projection_job j
			where j.view = p.view and j.version = p.version and j.build = p.build and j.state not in ('done', 'failed', 'cancelled'))`)
}

// Resume has a paused or failed view folded again. That goes for its lower versions too:
// to an operator they are the same view, and older releases still read them. It fails with
// ErrUnready.
func Resume(ctx context.Context, pool *pgxpool.Pool, v *projections.View) error {
	return steer(ctx, pool, v, wire.ViewLive, `
		select distinct view, version, build from sical.projection
		where view = $1 and version <= $2 and state <> 'building'`)
}

// steer sets the state of those builds that a query names for the view and its version. The
// version is held, so that nobody changes over meanwhile to a build that is left out.
func steer(ctx context.Context, pool *pgxpool.Pool, v *projections.View, state wire.ViewState, builds string) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := projector.LockVersion(ctx, tx, v); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "-- steer builds"+builds+" order by version, build", v.Name, v.Version)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[projections.Build])
		if err == nil && len(list) == 0 {
			err = ErrUnready
		}
		if err != nil {
			return err
		}
		for _, b := range list {
			if err := projector.SetState(ctx, tx, b, state); err != nil {
				return err
			}
		}
		return nil
	})
}

// Named finds one of the views. It fails with an UnknownViewError.
func Named(views []*projections.View, name string) (*projections.View, error) {
	for _, v := range views {
		if v.Name == name {
			return v, nil
		}
	}
	return nil, UnknownViewError(name)
}

// UnknownViewError is the name of a view that there is none of.
type UnknownViewError string

func (e UnknownViewError) Error() string { return fmt.Sprintf("there is no view %q", string(e)) }
