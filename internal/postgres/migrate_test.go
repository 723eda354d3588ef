package postgres_test

import (
	"context"
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
