package query

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
	"sical-backend/projections"
)

// snapshot reads rows of several views as they stood at one moment: a
// transaction whose begin and end travel with what is read.
type snapshot struct {
	conn   *pgxpool.Conn
	batch  *pgx.Batch
	custom bool // whether planCustom was queued
}

// read runs f in one snapshot of the views and tells the position of each in it.
// f ends it by finish.
func (a *Asker) read(ctx context.Context, views []*projections.View, f func(*snapshot) error) (checkpoints []uint64, err error) {
	conn, err := a.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release() // which closes it where a transaction is left open: after an error
	s := &snapshot{conn: conn, batch: &pgx.Batch{}}
	s.batch.Queue(`begin isolation level repeatable read, read only`)
	s.checkpoints(views, &checkpoints)
	err = f(s)
	return checkpoints, err
}

// checkpoints queues reading how far each of the views is; one that nobody folds
// yet is nowhere.
func (s *snapshot) checkpoints(views []*projections.View, positions *[]uint64) {
	versions := make([]int32, len(views))
	for i, v := range views {
		versions[i] = int32(v.Version)
	}
	s.batch.Queue(`-- read projection
		select array_agg(coalesce(p.position, 0) order by v.n)
		from unnest($1::text[], $2::int[]) with ordinality v (view, version, n)
		left join sical.projection p on p.view = v.view and p.version = v.version`, viewNames(views), versions).
		QueryRow(func(row pgx.Row) error { return row.Scan(positions) })
}

// send runs what was queued, in one round trip.
func (s *snapshot) send(ctx context.Context) error {
	batch := s.batch
	s.batch = &pgx.Batch{}
	return s.conn.SendBatch(ctx, batch).Close()
}

// planCustom has what follows planned for its arguments each time. A plan for any
// arguments walks an index on created_at past everything of other categories,
// which is quick for a common one and reads the whole table for a rare one.
func (s *snapshot) planCustom() {
	if !s.custom {
		s.batch.Queue(`set local plan_cache_mode = force_custom_plan`)
	}
	s.custom = true
}

// finish sends what was queued and ends the snapshot.
func (s *snapshot) finish(ctx context.Context) error {
	s.batch.Queue(`commit`)
	return s.send(ctx)
}

// find queues reading rows by their ids; send fills what it returns.
func find[R any](s *snapshot, v *projections.View, ids ...events.ID) map[events.ID]*R {
	found := make(map[events.ID]*R, len(ids))
	s.batch.Queue(`-- find `+v.Name+`
		select id, doc from `+v.Table()+` where id = any($1)`, ids).Query(func(rows pgx.Rows) error {
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
	s.batch.Queue(`-- sum `+v.Name+`
		select coalesce(sum(value), 0)::bigint from `+v.TotalTable()+` where name = any($1)`, names).
		QueryRow(func(row pgx.Row) error { return row.Scan(total) })
	return total
}
