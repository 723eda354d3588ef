package postgres_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// TestReadOnlyPasses: what cannot be written for the while that a server is read-only is
// nobody's fault, and can be once it is not, also by a pool that has connections which stay
// so: as those of a failover that left the name at a standby for some seconds.
func TestReadOnlyPasses(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t, nil).AdminURL
	admin, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close(t.Context())) }()
	database := pgx.Identifier{admin.Config().Database}.Sanitize()
	readOnly := func(is string) {
		_, err := admin.Exec(t.Context(), fmt.Sprintf("alter database %s set default_transaction_read_only = %s", database, is))
		require.NoError(t, err)
	}

	readOnly("on")
	pool, err := postgres.Open(t.Context(), url, postgres.Options{})
	require.NoError(t, err)
	defer pool.Close()
	create := func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "create table kept (id int)")
		return err
	}
	for range 2 {
		err = pgx.BeginFunc(t.Context(), pool, create)
		require.True(t, postgres.ReadOnly(err) && postgres.Lacking(err) && postgres.Passing(err), "%v", err)
	}
	readOnly("off")
	require.NoError(t, pgx.BeginFunc(t.Context(), pool, create))
	require.False(t, postgres.ReadOnly(pgx.BeginFunc(t.Context(), pool, create)), "it is there already")
}
