package rebuild

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/internal/projector"
	"sical-backend/projections"
)

// snapshot begins a transaction that may be idle for longer than others: beside traffic, a
// comparison pauses up to fifty times as long as a page of rows has taken. There is still a
// limit, for a process that hangs.
const snapshot = `begin isolation level repeatable read read only; set local idle_in_transaction_session_timeout = '10min'`

// inSnapshot runs f in one snapshot of the database.
func inSnapshot(ctx context.Context, pool *pgxpool.Pool, f func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{BeginQuery: snapshot}, f)
}

// positions of a build's shards, in their order.
func positions(ctx context.Context, tx pgx.Tx, b projections.Build) (list []uint64, err error) {
	rows, err := tx.Query(ctx, `-- read checkpoints
		select position from sical.projection where view = $1 and version = $2 and build = $3 order by shard`, b.View, b.Version, b.Number)
	if err != nil {
		return nil, err
	}
	list, err = pgx.CollectRows(rows, pgx.RowTo[uint64])
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%w: %s", projector.ErrNoBuild, b)
	}
	return list, err
}

// stored is a row as it stands in a build's table.
type stored struct {
	key    projections.Key
	values []any // of the columns
	doc    []byte
}

// page is how many rows a cursor brings at a time.
const page = 500

// declare opens a cursor on a statement, in a transaction.
func declare(ctx context.Context, tx pgx.Tx, name, sql string) error {
	_, err := tx.Exec(ctx, fmt.Sprintf("-- declare %[1]s\ndeclare %[1]s no scroll cursor for %[2]s", name, sql))
	return err
}

// fetch brings the next page, nothing at the end.
func fetch[T any](ctx context.Context, tx pgx.Tx, name string, to pgx.RowToFunc[T]) ([]T, error) {
	// Each cursor has other columns, under the same few names: a cached prepared statement
	// would be wrong.
	rows, err := tx.Query(ctx, fmt.Sprintf("-- fetch %[1]s\nfetch %[2]d from %[1]s", name, page), pgx.QueryExecModeDescribeExec)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, to)
}

// each goes through all of a statement's result.
func each[T any](ctx context.Context, tx pgx.Tx, name, sql string, to pgx.RowToFunc[T], f func(T) error) error {
	if err := declare(ctx, tx, name, sql); err != nil {
		return err
	}
	for {
		list, err := fetch(ctx, tx, name, to)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			_, err := tx.Exec(ctx, fmt.Sprintf("-- close %[1]s\nclose %[1]s", name))
			return err
		}
		for _, v := range list {
			if err := f(v); err != nil {
				return err
			}
		}
	}
}

// selectRows reads a build's rows in the order of their keys, with the columns that questions
// filter by or without.
func selectRows(v *projections.View, b projections.Build, columns bool) string {
	names := append(slices.Clone(v.Keys), "doc")
	if columns {
		names = columnNames(v)
	}
	return fmt.Sprintf(`select %s from %s order by %s`, strings.Join(names, ", "), b.Table(), strings.Join(v.Keys, ", "))
}

// scanRow reads what selectRows selects, each column as the type that the view
// collects it in.
func scanRow(v *projections.View, columns bool) pgx.RowToFunc[stored] {
	var collected []any
	if columns {
		collected = v.Collect(nil)
	}
	return func(r pgx.CollectableRow) (s stored, err error) {
		targets := []any{&s.key.A}
		if len(v.Keys) == 2 {
			targets = append(targets, &s.key.B)
		}
		values := make([]reflect.Value, len(collected))
		for i, slice := range collected {
			values[i] = reflect.New(reflect.TypeOf(slice).Elem())
			targets = append(targets, values[i].Interface())
		}
		if err := r.Scan(append(targets, &s.doc)...); err != nil {
			return s, err
		}
		for _, c := range values {
			s.values = append(s.values, c.Elem().Interface())
		}
		return s, nil
	}
}

// expected is a row as its build's table ought to hold it.
func expected(v *projections.View, k projections.Key, r projections.Row) (s stored, err error) {
	defer recovered(&err)
	s.key = k
	if s.doc, err = v.Encode(r); err != nil {
		return s, fmt.Errorf("row %s: %w", k, err)
	}
	for _, slice := range v.Collect([]projections.Row{r}) {
		s.values = append(s.values, reflect.ValueOf(slice).Index(0).Interface())
	}
	return s, nil
}

// same compares rows, columns included.
func (s stored) same(o stored) bool {
	if string(s.doc) != string(o.doc) || len(s.values) != len(o.values) {
		return false
	}
	for i := range s.values {
		if !equal(s.values[i], o.values[i]) {
			return false
		}
	}
	return true
}

func equal(a, b any) bool {
	switch a := a.(type) {
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Equal(b)
	case *time.Time:
		b, ok := b.(*time.Time)
		return ok && (a == nil) == (b == nil) && (a == nil || a.Equal(*b))
	}
	return reflect.DeepEqual(a, b)
}

// String shows the row with its columns, for who looks into a difference.
func (s stored) String() string {
	if s.doc == nil {
		return ""
	}
	var b strings.Builder
	b.Write(s.doc)
	for _, v := range s.values {
		if at, ok := v.(*time.Time); ok && at != nil {
			v = *at
		}
		fmt.Fprintf(&b, " | %v", v)
	}
	return b.String()
}

// total is a sum over all shards.
type total struct {
	name  string
	value int64
}

// selectTotals reads a build's sums in the order of their names.
func selectTotals(b projections.Build) string {
	return fmt.Sprintf(`select name, sum(value)::bigint from %s group by name having sum(value) <> 0 order by name`, b.TotalTable())
}

func scanTotal(r pgx.CollectableRow) (t total, err error) { return t, r.Scan(&t.name, &t.value) }
