package query

import (
	"context"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/projections"
)

// snapshot reads rows of several views as they stood at one moment.
type snapshot struct {
	tx    pgx.Tx
	batch *pgx.Batch
}

// read runs f in one snapshot of the views and tells the position of each in it.
func (a *Asker) read(ctx context.Context, views []*projections.View, f func(*snapshot) error) (checkpoints []uint64, err error) {
	err = pgx.BeginTxFunc(ctx, a.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		s := &snapshot{tx, &pgx.Batch{}}
		s.checkpoints(views, &checkpoints)
		return f(s)
	})
	return checkpoints, err
}

// checkpoints queues reading how far each of the views is; one that nobody folds
// yet is nowhere.
func (s *snapshot) checkpoints(views []*projections.View, positions *[]uint64) {
	versions := make([]int32, len(views))
	for i, v := range views {
		versions[i] = int32(v.Version)
	}
	s.batch.Queue(`
		select array_agg(coalesce(p.position, 0) order by v.n)
		from unnest($1::text[], $2::int[]) with ordinality v (view, version, n)
		left join sical.projection p on p.view = v.view and p.version = v.version`, viewNames(views), versions).
		QueryRow(func(row pgx.Row) error { return row.Scan(positions) })
}

// send runs what was queued, in one round trip.
func (s *snapshot) send(ctx context.Context) error {
	batch := s.batch
	s.batch = &pgx.Batch{}
	return s.tx.SendBatch(ctx, batch).Close()
}

// find queues reading rows by their ids; send fills what it returns.
func find[R any](s *snapshot, v *projections.View, ids ...events.ID) map[events.ID]*R {
	found := make(map[events.ID]*R, len(ids))
	s.batch.Queue(`select id, doc from `+v.Table()+` where id = any($1)`, ids).Query(func(rows pgx.Rows) error {
		var id events.ID
		var doc []byte
		_, err := pgx.ForEachRow(rows, []any{&id, &doc}, func() (err error) {
			found[id], err = decode[R](v, doc)
			return err
		})
		return err
	})
	return found
}

func decode[R any](v *projections.View, doc []byte) (*R, error) {
	row, err := v.Decode(doc)
	if err != nil {
		return nil, err
	}
	return row.(*R), nil
}

// sum queues adding up totals of a view; send fills what it returns.
func sum(s *snapshot, v *projections.View, names ...string) *int64 {
	total := new(int64)
	s.batch.Queue(`select coalesce(sum(value), 0)::bigint from `+v.TotalTable()+` where name = any($1)`, names).
		QueryRow(func(row pgx.Row) error { return row.Scan(total) })
	return total
}
