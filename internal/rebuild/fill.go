package rebuild

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/internal/projector"
	"sical-backend/projections"
)

// fill makes the tables of one build from the log.
type fill struct {
	pool     *pgxpool.Pool
	log      Log
	view     *projections.View
	build    projections.Build
	shards   int
	to       uint64 // the position that it is filled to
	memory   int64  // bytes that the rows in memory may take
	pace     pace
	progress *progress
	// record notes the share that is to follow, in the transaction that writes the rows
	// of a share: a fill that was cut off goes on from there.
	record func(context.Context, pgx.Tx, share) error
	// filled notes that the tables are whole, in the transaction that makes them so.
	filled func(context.Context, pgx.Tx) error
}

// pace holds work back: it is told of events or rows that were worked on, and of how
// long that took.
type pace interface {
	wait(ctx context.Context, n int, took time.Duration) error
}

// partsOf is where the sums of each share stand until all are added up.
func partsOf(b projections.Build) string { return b.TotalTable() + "_part" }

// prepare creates the tables, without their keys and indexes.
func (f *fill) prepare(ctx context.Context, tx pgx.Tx) error {
	for _, sql := range []string{
		f.view.DDL(f.build),
		dropKey(f.build.Table()), dropKey(f.build.TotalTable()),
		fmt.Sprintf(`create table %s (name text collate "C" not null, shard int not null, value bigint not null)`, partsOf(f.build)),
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func keyOf(table string) string {
	_, name, _ := strings.Cut(table, ".")
	return name + "_pkey"
}

func dropKey(table string) string {
	return fmt.Sprintf(`alter table %s drop constraint %s`, table, keyOf(table))
}

// run fills the tables from a share of the keys on to the last.
func (f *fill) run(ctx context.Context, s share) (err error) {
	for more := true; more; {
		p := &pass{view: f.view, to: f.to, memory: f.memory, pace: f.pace, progress: f.progress}
		if s, err = p.run(ctx, f.log, s); err != nil {
			return err
		}
		rows := p.sorted()
		f.progress.copying(s, rows.count())
		next, ok := s.next()
		err := pgx.BeginFunc(ctx, f.pool, func(tx pgx.Tx) error {
			if err := f.write(ctx, tx, rows); err != nil {
				return err
			}
			if err := projector.Skipped(ctx, tx, f.build, p.skipped()); err != nil { // of the whole log, as each pass reads all of it
				return err
			}
			if !ok {
				next = share{} // all is there
			}
			return f.record(ctx, tx, next)
		})
		if err != nil {
			return err
		}
		s, more = next, ok
	}
	return nil
}

// write adds rows, and their sums in each shard.
func (f *fill) write(ctx context.Context, tx pgx.Tx, rows runs) error {
	src := newSource(ctx, f.view, f.shards, rows, f.encoded)
	_, err := tx.CopyFrom(ctx, identifier(f.build.Table()), columnNames(f.view), src)
	sums := src.end()
	if err := src.Err(); err != nil {
		return err // the cause: the server has said only that the COPY was cancelled
	}
	if err != nil {
		return err
	}
	var values [][]any
	for i, shard := range sums {
		for name, value := range shard {
			values = append(values, []any{name, int32(i), value})
		}
	}
	_, err = tx.CopyFrom(ctx, identifier(partsOf(f.build)), []string{"name", "shard", "value"}, pgx.CopyFromRows(values))
	return err
}

func (f *fill) encoded(ctx context.Context, n int, took time.Duration) error {
	f.progress.copied(n)
	return f.pace.wait(ctx, n, took)
}

// finish adds up the sums and creates keys and indexes.
func (f *fill) finish(ctx context.Context) error {
	f.progress.indexing()
	return pgx.BeginFunc(ctx, f.pool, func(tx pgx.Tx) error {
		for _, sql := range []string{
			`set local maintenance_work_mem = '128MB'`, // not more than the rows took before
			`set local max_parallel_maintenance_workers = 0`,
			fmt.Sprintf(`insert into %s (name, shard, value)
				select name, shard, sum(value)::bigint from %s group by name, shard having sum(value) <> 0`, f.build.TotalTable(), partsOf(f.build)),
			fmt.Sprintf(`drop table %s`, partsOf(f.build)),
			fmt.Sprintf(`alter table %s add constraint %s primary key (%s)`,
				f.build.Table(), keyOf(f.build.Table()), strings.Join(f.view.Keys, ", ")),
			fmt.Sprintf(`alter table %s add constraint %s primary key (name, shard)`, f.build.TotalTable(), keyOf(f.build.TotalTable())),
			f.view.IndexDDL(f.build),
			fmt.Sprintf(`analyze %s (%s)`, f.build.Table(), strings.Join(queried(f.view), ", ")),
			fmt.Sprintf(`analyze %s`, f.build.TotalTable()),
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return f.filled(ctx, tx)
	})
}
