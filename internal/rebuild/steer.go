package rebuild

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/projections"
)

// Pause has nobody fold a view, in none of its builds; reads go on.
func Pause(ctx context.Context, pool *pgxpool.Pool, v *projections.View) error {
	return steer(ctx, pool, v, "paused")
}

// Resume has a paused or failed view folded again.
func Resume(ctx context.Context, pool *pgxpool.Pool, v *projections.View) error {
	return steer(ctx, pool, v, "live")
}

// steer writes a state down; the owners of the view heed it within a second.
func steer(ctx context.Context, pool *pgxpool.Pool, v *projections.View, state string) error {
	_, err := pool.Exec(ctx, `-- steer projection
		update sical.projection set state = $3, updated_at = now()
		where view = $1 and version = $2 and state <> 'building'`, v.Name, v.Version, state)
	return err
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
