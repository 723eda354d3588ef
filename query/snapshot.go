package query

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
	"sical-backend/projections"
)

// errUnforeseen says that a row has changed since it was cached, and that other rows were
// read as if it had not.
var errUnforeseen = errors.New("query: a row has changed since it was read last")

// snapshot reads rows of several views as they stood at one moment: a
// transaction whose begin and end travel with what is read.
type snapshot struct {
	conn   *pgxpool.Conn
	batch  *pgx.Batch
	builds map[string]projections.Build // that are read, by view
	custom bool                         // whether lists are planned for their arguments
	walks  bool                         // whether they are planned without bitmaps
	sent   bool                         // whether something has been read
	// rows are the caches of when the snapshot began: Forget replaces them, so that what is
	// erased meanwhile is not kept for later readers.
	rows *rowCaches
	// foresees tells whether cached rows may say what else to read.
	foresees bool
}

// assuming runs f on the builds of the views that were seen last, and again where it
// says that another one is to be read.
func (a *Answerer) assuming(ctx context.Context, views []*projections.View, f func(map[string]projections.Build) (again bool, err error)) error {
	for tries := 1; ; tries++ {
		builds, err := a.builds.builds(ctx, a.pool, views)
		if err != nil {
			return err
		}
		again, err := f(builds)
		if !again || tries == 3 {
			return err
		}
		a.builds.forget(views)
	}
}

// read runs f in one snapshot of the views and tells the position of each in it.
// f ends it by finish. Where a view turns out to be read from another build than
// the one last seen, f is called again; nothing was read by it then. So it is, in another
// snapshot and to foresee nothing, where it fails with errUnforeseen.
func (a *Answerer) read(ctx context.Context, views []*projections.View, f func(*snapshot) error) (checkpoints []projections.Checkpoint, err error) {
	err = a.assuming(ctx, views, func(builds map[string]projections.Build) (again bool, err error) {
		checkpoints, again, err = a.try(ctx, views, builds, true, f)
		if errors.Is(err, errUnforeseen) {
			checkpoints, again, err = a.try(ctx, views, builds, false, f)
		}
		return again, err
	})
	return checkpoints, err
}

func (a *Answerer) try(ctx context.Context, views []*projections.View, builds map[string]projections.Build, foresees bool, f func(*snapshot) error) (
	checkpoints []projections.Checkpoint, again bool, err error,
) {
	conn, err := a.pool.Acquire(ctx)
	if err != nil {
		return nil, false, err
	}
	defer conn.Release() // which closes it where a transaction is left open: after an error
	s := &snapshot{conn: conn, batch: &pgx.Batch{}, builds: builds, rows: a.rows.Load(), foresees: foresees}
	s.batch.Queue(`begin isolation level repeatable read, read only`)
	s.checkpoints(views, &checkpoints)
	err = f(s)
	return checkpoints, !s.sent && outdated(err), err
}

// table is where the view's rows stand in this snapshot.
func (s *snapshot) table(v *projections.View) string { return s.builds[v.Name].Table() }

// totals is where the view's sums stand in this snapshot, an addend a shard.
func (s *snapshot) totals(v *projections.View) string { return s.builds[v.Name].TotalTable() }

// checkpoints queues reading how far each of the views is, and that it is still
// the assumed build of it that is read.
func (s *snapshot) checkpoints(views []*projections.View, found *[]projections.Checkpoint) {
	s.batch.Queue(serving, servingArguments(views)...).Query(func(rows pgx.Rows) (err error) {
		if *found, err = pgx.CollectRows(rows, scanServing(views)); err != nil {
			return err
		}
		for i, c := range *found {
			if c.Build != s.builds[views[i].Name] {
				return errOtherBuild
			}
		}
		return nil
	})
}

// send runs what was queued, in one round trip.
func (s *snapshot) send(ctx context.Context) error {
	batch := s.batch
	s.batch = &pgx.Batch{}
	err := s.conn.SendBatch(ctx, batch).Close()
	s.sent = s.sent || err == nil
	return err
}

// plan has a list planned for its arguments each time. A plan for any arguments walks an
// index on created_at past everything of other categories, which is quick for a common
// one and reads the whole table for a rare one. And it has the list walk an index in its
// order: of a table that was filled a moment ago the server has no figures yet, takes what
// matches for a few rows and would collect all of them in a bitmap, to sort them. Words
// are only found so.
func (s *snapshot) plan(l *list) {
	if !s.custom {
		s.batch.Queue(`set local plan_cache_mode = force_custom_plan`)
		s.custom = true
	}
	if walks := l.search == nil; walks != s.walks {
		s.batch.Queue(`set local enable_bitmapscan = ` + map[bool]string{true: "off", false: "on"}[walks])
		s.walks = walks
	}
}

// finish sends what was queued and ends the snapshot.
func (s *snapshot) finish(ctx context.Context) error {
	s.batch.Queue(`commit`)
	return s.send(ctx)
}

// find queues reading rows by their ids; send fills what it returns.
func find[R any](s *snapshot, v projections.ViewOf[R], ids ...events.ID) map[events.ID]*R {
	found, cache := make(map[events.ID]*R, len(ids)), rowCacheOf[R](s.rows)
	s.batch.Queue(`-- find `+v.Name+`
		select id, doc from `+s.table(v.View)+` where id = any($1)`, ids).Query(func(rows pgx.Rows) error {
		var id events.ID
		var doc pgtype.DriverBytes // good until the next row
		_, err := pgx.ForEachRow(rows, []any{&id, &doc}, func() (err error) {
			found[id], err = cache.decode(id, doc, v.Decode)
			return err
		})
		return err
	})
	return found
}

// sum queues adding up totals of a view; send fills what it returns.
func sum(s *snapshot, v *projections.View, names ...string) *int64 {
	total := new(int64)
	s.batch.Queue(`-- sum `+v.Name+`
		select coalesce(sum(value), 0)::bigint from `+s.totals(v)+` where name = any($1)`, names).
		QueryRow(func(row pgx.Row) error { return row.Scan(total) })
	return total
}
