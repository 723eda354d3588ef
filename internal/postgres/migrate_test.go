package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// A role of a schema from before any role could see what was applied is told what to do.
func TestSchemaOfBeforeRolesSaw(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	pending, err := postgres.Pending(t.Context(), db.URL(postgres.RoleQuery))
	require.NoError(t, err)
	require.Empty(t, pending)

	conn, err := pgx.Connect(t.Context(), db.AdminURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `revoke select on public.sical_migration from sical_query`)
	require.NoError(t, err)
	_, err = postgres.Pending(t.Context(), db.URL(postgres.RoleQuery))
	require.ErrorContains(t, err, "sical migrate brings it up, or sical_query is none of its roles")
}

// The line that a migration down leaves in sical.append is met by the next one up.
func TestAppendIsMigratedAgain(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	conn, err := pgx.Connect(t.Context(), db.AdminURL)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), `delete from public.sical_migration where version_id = 19`)
	require.NoError(t, err)
	applied, err := postgres.Migrate(t.Context(), db.AdminURL)
	require.NoError(t, err)
	require.Equal(t, []string{"00019_again.sql"}, applied)
}

// Roles are the server's: one that the migration of another database is about to make is waited for,
// and then as good as if it had been there.
func TestAnotherDatabaseMakesTheRoles(t *testing.T) {
	t.Parallel()
	server := testkit.DurablePostgres(t) // on which no other test here makes roles
	another := server.Database(t, nil)
	connect := func() *pgx.Conn {
		conn, err := pgx.Connect(t.Context(), another.AdminURL)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
		return conn
	}
	watching := connect()
	t.Cleanup(func() { // once nothing is theirs any more
		_, err := watching.Exec(context.Background(),
			`drop role if exists sical_command, sical_relay, sical_projector, sical_query, sical_reaction, sical_monitor`)
		require.NoError(t, err)
	})
	making := []*pgx.Conn{connect(), connect()}
	for i, role := range []string{postgres.RoleCommand, postgres.RoleMonitor} {
		_, err := making[i].Exec(t.Context(), `begin; create role `+role+` login`)
		require.NoError(t, err)
	}
	db, done := server.Database(t, nil), make(chan error, 1)
	go func() { done <- migrated(db.AdminURL) }()
	for _, maker := range making {
		testkit.Eventually(t, func() error {
			var waited bool
			err := watching.QueryRow(t.Context(), `select exists (select from pg_stat_activity where $1 = any(pg_blocking_pids(pid)))`,
				int32(maker.PgConn().PID())).Scan(&waited)
			if err == nil && !waited && len(done) == 0 { // or it has failed
				err = errors.New("nobody waits for the role")
			}
			return err
		})
		_, err := maker.Exec(t.Context(), `commit`)
		require.NoError(t, err)
	}
	require.NoError(t, testkit.Receive(t, done))
}
