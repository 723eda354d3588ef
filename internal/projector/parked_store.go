package projector

import (
	"context"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/projections"
)

// park queues writing down what is parked from now on.
func (r *runner) park(b *pgx.Batch, failures []*failure) {
	for _, f := range failures {
		b.Queue(`-- park parked
			insert into sical.parked as parked (view, version, build, shard, name, position, stream, type, names, error, attempts)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			on conflict (view, version, build, shard, name) do update set position = least(parked.position, excluded.position)`,
			r.unit.args(f.name(), f.event.Position, string(f.event.Stream), f.event.Type, f.names(r.view), postgres.Text(f.err.Error()), r.trouble.retries+1)...)
	}
}

// loadParks reads what the unit has parked, or of that what is to be tried again.
func (r *runner) loadParks(ctx context.Context, onlyAsked bool) (p parks, err error) {
	p = newParks()
	rows, err := r.cfg.Pool.Query(ctx, `-- load parked
		select name, position, name = stream from sical.parked
		where view = $1 and version = $2 and build = $3 and shard = $4 and (retry or not $5)`,
		r.unit.args(onlyAsked)...)
	if err != nil {
		return p, err
	}
	var name string
	var position uint64
	var stream bool
	_, err = pgx.ForEachRow(rows, []any{&name, &position, &stream}, func() error {
		if stream {
			p.streams[events.Stream(name)] = position
			return nil
		}
		key, err := projections.ParseKey(name)
		p.keys[key] = position
		return err
	})
	return p, err
}
