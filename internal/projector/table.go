package projector

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
	"sical-backend/projections"
)

// table holds a unit's SQL on the tables of its build.
type table struct {
	view                           *projections.View
	load, insert, update, del, sum string
}

func newTable(v *projections.View, u Unit) *table {
	var columns, kinds, sets []string
	for _, k := range v.Keys {
		columns, kinds = append(columns, k), append(kinds, "uuid")
	}
	for _, c := range v.Columns {
		kind, _, _ := strings.Cut(c.Type, " ") // a collation is the column's, not the parameter's
		columns, kinds = append(columns, c.Name), append(kinds, kind)
		sets = append(sets, c.Name+" = new."+c.Name)
	}
	columns, kinds, sets = append(columns, "doc"), append(kinds, "json"), append(sets, "doc = new.doc")
	given := func(n int) string {
		return "unnest(" + parameters(kinds[:n]) + ") new (" + strings.Join(columns[:n], ", ") + ")"
	}
	var same []string
	for _, k := range v.Keys {
		same = append(same, "t."+k+" = new."+k)
	}
	match := strings.Join(same, " and ")
	return &table{
		view: v,
		load: fmt.Sprintf(`-- load `+v.Name+`
			select t.%s, t.doc from %s join %s t on %s`,
			strings.Join(v.Keys, ", t."), given(len(v.Keys)), u.Table(), match),
		insert: fmt.Sprintf(`-- insert `+v.Name+`
			insert into %s (%s) select * from unnest(%s)`,
			u.Table(), strings.Join(columns, ", "), parameters(kinds)),
		update: fmt.Sprintf(`-- update `+v.Name+`
			update %s t set %s from %s where %s`,
			u.Table(), strings.Join(sets, ", "), given(len(columns)), match),
		del: fmt.Sprintf(`-- delete `+v.Name+`
			delete from %s t using %s where %s`, u.Table(), given(len(v.Keys)), match),
		sum: fmt.Sprintf(`-- add `+v.Name+`
			insert into %s as t (name, shard, value) select name, %d, value from unnest($1::text[], $2::bigint[]) s (name, value)
			on conflict (name, shard) do update set value = t.value + excluded.value`, u.TotalTable(), u.Shard),
	}
}

// parameters lists one array parameter of each type.
func parameters(kinds []string) string {
	list := make([]string, len(kinds))
	for i, kind := range kinds {
		list[i] = fmt.Sprintf("$%d::%s[]", i+1, kind)
	}
	return strings.Join(list, ", ")
}

// read fills in the rows that stand in the table, or the error of one that cannot
// be read.
func (t *table) read(ctx context.Context, pool *pgxpool.Pool, rows []*row) error {
	if len(rows) == 0 {
		return nil
	}
	byKey := make(map[projections.Key]*row, len(rows))
	for _, r := range rows {
		byKey[r.key] = r
	}
	found, err := pool.Query(ctx, t.load, t.keys(rows)...)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		var k projections.Key
		raw := found.RawValues() // valid until Next: Decode keeps nothing of it
		copy(k.A[:], raw[0])
		if len(t.view.Keys) == 2 {
			copy(k.B[:], raw[1])
		}
		r := byKey[k]
		if r.value, err = t.decode(raw[len(raw)-1]); err != nil {
			r.err = fmt.Errorf("%w: row %s: %w", errView, k, err)
		}
		r.found = true
	}
	return found.Err()
}

func (t *table) decode(doc []byte) (value projections.Row, err error) {
	defer recovered(&err)
	return t.view.Decode(doc)
}

// write queues what makes the table hold the rows as they are now.
func (t *table) write(b *pgx.Batch, rows []*row) (written int, err error) {
	var fresh, changed, gone []*row
	for _, r := range rows {
		switch {
		case r.value == nil && r.found:
			gone = append(gone, r)
		case r.value == nil: // came and went within the batch
		case r.found:
			changed = append(changed, r)
		default:
			fresh = append(fresh, r)
		}
	}
	if len(gone) > 0 {
		b.Queue(t.del, t.keys(gone)...)
	}
	for _, part := range []struct {
		sql  string
		rows []*row
	}{{t.insert, fresh}, {t.update, changed}} {
		if len(part.rows) == 0 {
			continue
		}
		arguments, err := t.arguments(part.rows)
		if err != nil {
			return 0, err
		}
		b.Queue(part.sql, arguments...)
	}
	return len(gone) + len(fresh) + len(changed), nil
}

// keys are the rows' keys, an array a column.
func (t *table) keys(rows []*row) []any {
	keys := [2]pgtype.FlatArray[pgtype.UUID]{make([]pgtype.UUID, len(rows)), make([]pgtype.UUID, len(rows))}
	for i, r := range rows {
		keys[0][i] = pgtype.UUID{Bytes: r.key.A, Valid: true}
		keys[1][i] = pgtype.UUID{Bytes: r.key.B, Valid: true}
	}
	if len(t.view.Keys) == 1 {
		return []any{keys[0]}
	}
	return []any{keys[0], keys[1]}
}

// arguments are the rows' values, an array a column.
func (t *table) arguments(rows []*row) (arguments []any, err error) {
	defer recovered(&err)
	values := make([]projections.Row, len(rows))
	docs := make(pgtype.FlatArray[[]byte], len(rows))
	for i, r := range rows {
		values[i] = r.value
		if docs[i], err = t.view.Encode(r.value); err != nil {
			return nil, fmt.Errorf("%w: row %s: %w", errView, r.key, err)
		}
	}
	arguments = t.keys(rows)
	for _, column := range t.view.Collect(values) {
		arguments = append(arguments, array(column))
	}
	return append(arguments, docs), nil
}

// array turns a column into a type that the driver writes without reflection on each
// value.
func array(column any) any {
	switch list := column.(type) {
	case []events.ID:
		ids := make(pgtype.FlatArray[pgtype.UUID], len(list))
		for i, id := range list {
			ids[i] = pgtype.UUID{Bytes: id, Valid: true}
		}
		return ids
	case []time.Time:
		return pgtype.FlatArray[time.Time](list)
	}
	return column
}

// add queues what adds the differences to the sums.
func (t *table) add(b *pgx.Batch, totals map[string]int64) {
	var names []string
	for name, difference := range totals {
		if difference != 0 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	values := make([]int64, len(names))
	for i, name := range names {
		values[i] = totals[name]
	}
	b.Queue(t.sum, names, values)
}
