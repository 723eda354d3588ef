package reading

import (
	"cmp"
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
	"sical-backend/projections"
)

// Snapshot reads rows of several views as they stood at one moment: a transaction whose begin
// and end travel with what is read. What is queued is read by the next Send or Finish.
type Snapshot struct {
	conn   *pgxpool.Conn
	batch  *pgx.Batch
	builds map[string]projections.Build // that are read, by view
	custom bool                         // whether lists are planned for their arguments
	walks  bool                         // whether they are planned without bitmaps
	// rows are the caches of when the snapshot began: Forget replaces them, so that what is
	// erased meanwhile is not kept for later readers.
	rows *rowCaches
	// foresees tells whether cached rows may say what else to read.
	foresees bool
}

// Table is where the view's rows stand in this snapshot.
func (s *Snapshot) Table(v *projections.View) string { return s.builds[v.Name].Table() }

// Totals is where the view's sums stand in this snapshot, an addend a shard.
func (s *Snapshot) Totals(v *projections.View) string { return s.builds[v.Name].TotalTable() }

// checkpoints queues reading how far each of the views is, and that it is still
// the assumed build of it that is read.
func (s *Snapshot) checkpoints(views []*projections.View, found *[]projections.Checkpoint) {
	s.batch.Queue(serving, projections.Names(views)).Query(func(rows pgx.Rows) error {
		now := newServed(views)
		if err := now.collect(rows); err != nil {
			return err
		}
		*found = now.checkpoints
		return now.mustBe(s.builds)
	})
}

// Queue queues a statement; what is called on the result is given what it finds.
func (s *Snapshot) Queue(sql string, args ...any) *pgx.QueuedQuery {
	return s.batch.Queue(sql, args...)
}

// Send runs what was queued, in one round trip.
func (s *Snapshot) Send(ctx context.Context) error {
	batch := s.batch
	s.batch = &pgx.Batch{}
	return s.conn.SendBatch(ctx, batch).Close()
}

// Plan has what is queued next planned for its arguments, each time. A plan for any arguments
// walks an index on created_at past everything of other categories, which is quick for a
// common one and reads the whole table for a rare one.
//
// With walk, an index is walked in its order: of a table that was filled a moment ago the
// server has no figures yet, takes what matches for a few rows and would collect all of them
// in a bitmap, to sort them. Words are found by a bitmap only.
func (s *Snapshot) Plan(walk bool) {
	if !s.custom {
		s.batch.Queue(`set local plan_cache_mode = force_custom_plan`)
		s.custom = true
	}
	if walk != s.walks {
		s.batch.Queue(`set local enable_bitmapscan = ` + map[bool]string{true: "off", false: "on"}[walk])
		s.walks = walk
	}
}

// Finish sends what was queued and ends the snapshot.
func (s *Snapshot) Finish(ctx context.Context) error {
	s.batch.Queue(`commit`)
	return s.Send(ctx)
}

// Find queues reading rows by their ids; Send fills what it returns.
func Find[R any](s *Snapshot, v projections.ViewOf[R], ids ...events.ID) map[events.ID]*R {
	found := make(map[events.ID]*R, len(ids))
	s.find(v.View, v.Column, ids, decoding(v, func(id events.ID, row *R) { found[id] = row }))
	return found
}

// Foresee is Find, for rows from which follows what else to read. foreseen are the rows as they
// were when they were last read, to read with them in one round trip what follows; nil unless
// each is known. Whoever relies on that fails with ErrUnforeseen where a row found is another
// one: one that has not changed is the same.
func Foresee[R any](s *Snapshot, v projections.ViewOf[R], ids ...events.ID) (found, foreseen map[events.ID]*R) {
	cache := rowCacheOf[R](s.rows)
	found = make(map[events.ID]*R, len(ids))
	s.find(v.View, v.Column, ids, taking(func(id events.ID, doc []byte) (err error) {
		found[id], err = cache.decode(id, doc, v.Decode)
		return err
	}))
	if s.foresees {
		foreseen = cache.last(ids)
	}
	return found, foreseen
}

// find queues reading a column of rows, "" for all of each.
func (s *Snapshot) find(v *projections.View, column string, ids []events.ID, take taker) {
	s.docs(`-- find `+v.Name+`
		select id, `+cmp.Or(column, "doc")+` from `+s.Table(v)+` where id = any($1)`, []any{ids}, take)
}

// Select queues a statement that selects id and doc of rows of the view; Send has each of
// them taken.
func Select[R any](s *Snapshot, v projections.ViewOf[R], sql string, args []any, take func(id events.ID, row *R)) {
	s.docs(sql, args, decoding(v, take))
}

// docs queues a statement that selects id and doc, of which take is given each row's.
func (s *Snapshot) docs(sql string, args []any, take taker) {
	s.batch.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		return each(rows, func(raw [][]byte) error { return take(raw[0], raw[1]) })
	})
}

// Sum queues adding up totals of a view; Send fills what it returns.
func (s *Snapshot) Sum(v *projections.View, names ...string) *int64 {
	total := new(int64)
	s.batch.Queue(`-- sum `+v.Name+`
		select coalesce(sum(value), 0)::bigint from `+s.Totals(v)+` where name = any($1)`, names).
		QueryRow(func(row pgx.Row) error { return row.Scan(total) })
	return total
}
