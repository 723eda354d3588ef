package api

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/projections"
)

// project folds the whole log into the tables and moves the checkpoints.
func (w *world) project() {
	w.t.Helper()
	ctx := w.t.Context()
	require.NoError(w.t, pgx.BeginFunc(ctx, w.admin, func(tx pgx.Tx) error {
		for _, v := range projections.Views() {
			rows := map[projections.Key]projections.Row{}
			for _, e := range w.log {
				for _, key := range v.Touches(e) {
					rows[key] = v.Fold(key, rows[key], e)
				}
			}
			if err := store(ctx, tx, v, rows); err != nil {
				return err
			}
		}
		if err := headOf(ctx, tx, len(w.log)); err != nil {
			return err
		}
		return checkpoint(ctx, tx, len(w.log))
	}))
}

// store replaces the rows of a view. Nobody meets the tables empty meanwhile, as they
// would after a truncate: that is no part of any snapshot.
func store(ctx context.Context, tx pgx.Tx, v *projections.View, rows map[projections.Key]projections.Row) error {
	for _, table := range []string{v.Build(1).Table(), v.Build(1).TotalTable()} {
		if _, err := tx.Exec(ctx, "delete from "+table); err != nil {
			return err
		}
	}
	columns, types := append([]string{}, v.Keys...), []string{}
	values := make([]any, len(v.Keys))
	keys := make([][]events.ID, len(v.Keys))
	var list []projections.Row
	var docs []string
	totals := map[string]int64{}
	for key, row := range rows {
		if row == nil {
			continue
		}
		doc, err := v.Encode(row)
		if err != nil {
			return err
		}
		list, docs = append(list, row), append(docs, string(doc))
		for i, id := range []events.ID{key.A, key.B}[:len(v.Keys)] {
			keys[i] = append(keys[i], id)
		}
		for _, total := range v.Totals(row) {
			totals[total.Name] += total.Value
		}
	}
	for i := range v.Keys {
		types, values[i] = append(types, "uuid"), keys[i]
	}
	for _, c := range v.Columns {
		columns, types = append(columns, c.Name), append(types, strings.Fields(c.Type)[0])
	}
	values = append(append(values, v.Collect(list)...), docs)
	columns, types = append(columns, "doc"), append(types, "json")
	arrays := make([]string, len(types))
	for i, typ := range types {
		arrays[i] = fmt.Sprintf("$%d::%s[]", i+1, typ)
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf(`insert into %s (%s) select * from unnest(%s)`,
		v.Build(1).Table(), strings.Join(columns, ", "), strings.Join(arrays, ", ")), values...); err != nil {
		return fmt.Errorf("%s: %w", v.Name, err)
	}
	for name, value := range totals {
		if _, err := tx.Exec(ctx, `insert into `+v.Build(1).TotalTable()+` values ($1, 0, $2)`, name, value); err != nil {
			return err
		}
	}
	return nil
}

// checkpoint says that every view has come to the position.
func checkpoint(ctx context.Context, tx pgx.Tx, position int) error {
	for _, v := range projections.Views() {
		if _, err := tx.Exec(ctx, `
			insert into sical.projection (view, version, build, shard, position, incarnation)
			select $1, $2, 1, 0, $3, incarnation from sical.log
			on conflict (view, version, build, shard) do update set position = excluded.position`, v.Name, v.Version, position); err != nil {
			return err
		}
	}
	return nil
}

// headOf has the log end at the position; what it holds does not matter here.
func headOf(ctx context.Context, tx pgx.Tx, position int) error {
	_, err := tx.Exec(ctx, `
		insert into sical.events (position, event_id, stream, version, type, schema, data, metadata, owner, final, occurred_at, recorded_at)
		values ($1, gen_random_uuid(), 'test-' || $1::bigint, 1, 'test', 1, '{}', '{}', gen_random_uuid(), false, now(), now())
		on conflict do nothing`, position)
	return err
}
