package dispatch

import (
	"crypto/sha256"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// TestWhatWasAskedCannotBeTried looks at what the table keeps of a command: nothing that
// can be made of the request alone.
func TestWhatWasAskedCannotBeTried(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	d, owner := process(t, db.URL(postgres.RoleCommand)), connect(t, db.AdminURL)
	asked := []byte(`{"title":"a private title"}`)
	r := point(uuid.New())
	r.Key, r.Asked = uuid.New(), asked
	require.NoError(t, d.Do(t.Context(), r).Err)

	var kept []byte
	require.NoError(t, owner.QueryRow(t.Context(), `select request from sical.command where id = $1`, r.Key).Scan(&kept))
	plain := sha256.Sum256(asked)
	require.NotEqual(t, plain[:], kept)
	require.Equal(t, d.vault.Hash("request", string(asked)), kept)
}

// TestDroppedDigestIsKnownByItsKey asks again for what an earlier release had done, whose
// digests the migration drops.
func TestDroppedDigestIsKnownByItsKey(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	d, owner := process(t, db.URL(postgres.RoleCommand)), connect(t, db.AdminURL)
	ask := func() Verdict {
		r := point(uuid.New())
		r.Key, r.Asked = uuid.NewSHA1(uuid.Nil, []byte(t.Name())), []byte("asked")
		return d.Do(t.Context(), r)
	}
	first := ask()
	require.NoError(t, first.Err)
	_, err := owner.Exec(t.Context(), `update sical.command set request = '' where request <> ''`)
	require.NoError(t, err)
	again := ask()
	require.NoError(t, again.Err)
	require.True(t, again.Replayed)
	require.Equal(t, first.ID, again.ID)
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}
