package projector

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/projections"
)

// ErrNotParked is returned for a retry of what is not parked.
var ErrNotParked = errors.New("there is nothing parked to retry")

// Park is a key, or a stream whose events do not tell their keys, that a view holds
// back since a fold failed.
type Park struct {
	View     string    `json:"view"`
	Version  int       `json:"version"`
	Build    int       `json:"build"`
	Shard    int       `json:"shard"`
	Key      string    `json:"key"`      // or the stream's name
	Position uint64    `json:"position"` // of the first event that is held back
	Stream   string    `json:"stream"`   // of that event
	Type     string    `json:"type"`     // of that event
	Error    string    `json:"error"`    // of the latest try
	Attempts int       `json:"attempts"`
	ParkedAt time.Time `json:"parked_at"`
	Retry    bool      `json:"retry"`  // it is to be tried again
	Paused   bool      `json:"paused"` // the shard rests: nothing of it is tried again until it is resumed
	Owned    bool      `json:"owned"`  // a projector that is there folds the shard
}

// Parked lists what the views hold back, or one of them, in the order of the log; an
// empty name is for all.
func Parked(ctx context.Context, pool *pgxpool.Pool, view string) ([]Park, error) {
	rows, err := pool.Query(ctx, `-- list parked
		select view, version, build, shard, k.name, k.position, k.stream, k.type, k.error, k.attempts, k.parked_at, k.retry, p.state = 'paused',
			coalesce(o.lease_until > clock_timestamp(), false)
		from sical.parked k join sical.projection p using (view, version, build, shard) left join sical.projector o using (owner)
		where $1 in ('', view) order by view, version, build, k.position, k.name`, view)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Park])
}

// Retry has whoever folds the view try again what it has parked, in all of its
// builds, within about a second, or once a view that is paused is resumed: one key or
// stream, or all where key is empty. It fails with ErrNotParked.
func Retry(ctx context.Context, pool *pgxpool.Pool, v *projections.View, key string) error {
	done, err := pool.Exec(ctx, `-- retry parked
		update sical.parked set retry = true where view = $1 and version = $2 and $3 in ('', name)`, v.Name, v.Version, key)
	if err == nil && done.RowsAffected() == 0 {
		return ErrNotParked
	}
	return err
}
