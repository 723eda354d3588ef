package rebuild

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/projections"
)

// Shard is how far one shard of a build is, who folds it, and whether it can.
type Shard struct {
	View      string    `json:"view"`
	Version   int       `json:"version"`
	Build     int       `json:"build"`
	Shard     int       `json:"shard"`
	Serving   bool      `json:"serving"`  // the build is read
	Previous  bool      `json:"previous"` // the build is the way back
	Position  int64     `json:"position"`
	Behind    int64     `json:"behind"` // events
	State     string    `json:"state"`
	Owner     *string   `json:"owner"`
	Epoch     int64     `json:"epoch"`
	Error     *string   `json:"error,omitempty"`
	FailedAt  *int64    `json:"failed_at,omitempty"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Shards lists the shards of every build.
func Shards(ctx context.Context, pool *pgxpool.Pool) ([]Shard, error) {
	rows, err := pool.Query(ctx, `-- list projection
		select view, version, build, shard, coalesce(build = serving, false), coalesce(build = previous, false), position,
			(select coalesce(max(position), 0) from sical.events) - position, state, owner, epoch, error, failed_at, updated_at
		from sical.projection join sical.view_version using (view, version) order by view, version, build, shard`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Shard])
}

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
