// Package readtest makes tables of views for tests of whatever reads them.
package readtest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

func migrate(adminURL string) error {
	_, err := postgres.Migrate(context.Background(), adminURL)
	return err
}

// Tables opens a database with the views' empty tables, as their projector and
// as a reader with few connections.
func Tables(t testing.TB) (projector, reader *pgxpool.Pool) {
	t.Helper()
	db := testkit.Database(t, migrate)
	open := func(role string) *pgxpool.Pool {
		pool, err := postgres.Open(t.Context(), db.AdminURL, postgres.Options{Role: role, MaxConns: 2})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		return pool
	}
	projector, reader = open(postgres.RoleProjector), open(postgres.RoleQuery)
	for _, v := range projections.Views() {
		_, err := projector.Exec(t.Context(), v.DDL(v.Build(1))+v.IndexDDL(v.Build(1)))
		require.NoError(t, err)
		_, err = projector.Exec(t.Context(), `insert into sical.view_version (view, version, serving) values ($1, $2, 1)`, v.Name, v.Version)
		require.NoError(t, err)
	}
	return projector, reader
}

// Put stores a point as of a position, in one transaction.
func Put(t testing.TB, projector *pgxpool.Pool, id events.ID, title string, position int) {
	t.Helper()
	doc, err := projections.Point.Encode(&projections.PointRow{ID: id, Version: 1, Title: title, Difficulty: 1})
	require.NoError(t, err)
	ctx := t.Context()
	require.NoError(t, pgx.BeginFunc(ctx, projector, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into `+projections.Point.Build(1).Table()+` (id, category, difficulty_level, created_at, brief, doc)
			values ($1, '', 1, now(), $2, $3) on conflict (id) do update set brief = excluded.brief, doc = excluded.doc`, id, string(doc), doc); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into sical.projection (view, version, build, shard, position, incarnation)
			values ('point', $1, 1, 0, $2, gen_random_uuid()) on conflict (view, version, build, shard) do update set position = excluded.position`,
			projections.Point.Version, position)
		return err
	}))
}
