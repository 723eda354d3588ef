package main

import (
	"bytes"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/embedded"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// ran runs a subcommand, and returns its status and what it told.
func ran(args ...string) (status int, stdout, stderr string) {
	var out, said bytes.Buffer
	status = run(append(args, "--log-level", "error"), &out, &said)
	return status, out.String(), said.String()
}

// everyTable counts the tables of a database outside its catalogues.
func everyTable(t *testing.T, url string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	require.NoError(t, conn.QueryRow(t.Context(), `
		select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')`).Scan(&n))
	return n
}

// One URL alone is that of the process in the data folder, or refused: never is another
// system operated on than the one that was named.
func TestOneURLAloneNamesNoOtherSystem(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	new, empty := testkit.Database(t, nil).AdminURL, t.TempDir()
	for dir, beside := range map[string]string{s.app.DataDir: "a running one", empty: "nothing"} {
		for _, given := range [][]string{{"--postgres-url", new}, {"--postgres-url", "postgres://nobody@127.0.0.1:1/x"}, {"--nats-url", "nats://127.0.0.1:1"}} {
			for _, args := range [][]string{
				{"projections", "list"}, {"projections", "rebuild", "goal"}, {"projections", "rollback", "goal"}, {"events", "tail"}, {"events", "erased"},
				{"events", "reconcile", "--check"}, {"token", "--username", "ada"}, {"import", "ndjson", "-"}, {"demo"},
			} {
				status, out, said := ran(append(append(args, given...), "--data-dir", dir)...)
				assert.Equal(t, misuse, status, "%v %v beside %s: %s", args, given, beside, said)
				assert.Empty(t, out)
				assert.Equal(t, 1, strings.Count(said, "\n"), said)
				assert.Contains(t, said, given[0]+" is given without")
			}
		}
	}
	assert.Zero(t, everyTable(t, new))
	left, err := filepath.Glob(filepath.Join(empty, "*"))
	require.NoError(t, err)
	assert.Empty(t, left)

	for _, given := range [][]string{{"--postgres-url", s.app.PostgresURL}, {"--nats-url", s.app.NATSURL}} {
		status, out, said := ran(append(given, "projections", "list", "--data-dir", s.app.DataDir)...)
		assert.Zero(t, status, said)
		assert.Contains(t, out, "goal", "the process's own")
	}
}

// A given database is brought up by migrate, and by serve: whoever else meets an older
// one says what is pending and leaves it alone.
func TestGivenDatabaseIsMigratedOnDemand(t *testing.T) {
	t.Parallel()
	db, bus := testkit.Database(t, nil), testkit.NATS(t).URL
	url := db.AdminURL
	for _, args := range [][]string{{"events", "tail"}, {"projections", "list"}, {"token", "--username", "ada"}, {"command"}, {"query"}, {"projector"}} {
		status, out, said := ran(append(args, "--postgres-url", url, "--nats-url", bus, "--data-dir", t.TempDir())...)
		assert.Equal(t, failed, status, "%v: %s", args, said)
		assert.Empty(t, out)
		assert.Equal(t, 1, strings.Count(said, "\n"), said)
		assert.Contains(t, said, "00001_log.sql")
	}
	status, out, said := ran("migrate", "--check", "--postgres-url", url)
	assert.Equal(t, failed, status, said)
	assert.Contains(t, out, "pending: 00019_again.sql\n")
	assert.Zero(t, everyTable(t, url), "nothing is made by looking")

	status, out, said = ran("migrate", "--postgres-url", url)
	require.Zero(t, status, said)
	require.Contains(t, out, "applied: 00019_again.sql\n")
	for _, role := range roles {
		status, out, said = ran("migrate", "--check", "--postgres-url", db.URL(role))
		require.Zero(t, status, "%s: %s", role, said)
		require.Contains(t, out, "up to date")
	}
	status, _, said = ran("events", "tail", "--postgres-url", db.URL(postgres.RoleCommand), "--nats-url", bus, "--data-dir", t.TempDir())
	require.Zero(t, status, said)
}

// An address that is taken is told before anything is made.
func TestTakenAddressIsToldFirst(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, flags := range [][2]string{{"--listen", "--admin-listen"}, {"--admin-listen", "--listen"}} {
		dir := filepath.Join(t.TempDir(), "data")
		status, out, said := ran("serve", flags[0], taken.Addr().String(), flags[1], "127.0.0.1:0", "--data-dir", dir)
		assert.Equal(t, failed, status)
		assert.Empty(t, out)
		assert.Contains(t, said, "address already in use")
		assert.NoDirExists(t, dir)
	}
}

// Whoever only looks makes no system where there is none, and says where it looked.
func TestNothingIsMadeByLooking(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "wrong")
	for _, args := range [][]string{
		{"migrate", "--check"}, {"events", "tail"}, {"events", "erased"}, {"events", "reconcile"}, {"events", "replay", "--from", "1", "--subject", "audit.again"},
		{"projections", "list"}, {"projections", "rebuild", "goal"}, {"projections", "pause", "goal"}, {"token", "--username", "ada"},
	} {
		status, out, said := ran(append(args, "--data-dir", dir)...)
		assert.Equal(t, failed, status, "%v: %s", args, said)
		assert.Empty(t, out)
		assert.Equal(t, "sical: there is no system in "+dir+": sical serve makes one, --data-dir names another folder\n", said, "%v", args)
		assert.NoDirExists(t, dir, "%v", args)
	}
}

// A token is a question and a signature: nothing else is begun for it, to be cut off.
func TestTokenBeginsNothingElse(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.do("POST", "/v1/users", "", `{"username":"ada","email":"ada@example.org","password":"correct horse 42"}`)
	var out, said bytes.Buffer
	status := run([]string{"token", "--username", "ada", "--role", "admin", "--slow-query", "1ns", "--data-dir", s.app.DataDir}, &out, &said)
	require.Zero(t, status, said.String())
	assert.Equal(t, 2, strings.Count(out.String(), "."), "a token: %s", &out)
	assert.Contains(t, said.String(), "slow statement", "every one is told")
	assert.NotContains(t, said.String(), "read history", "of the relay")
	assert.NotContains(t, said.String(), "failed=true")
}

// The private Postgres is looked at before anything is applied to it, too.
func TestPrivateDatabaseIsLookedAtFirst(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a private Postgres")
	}
	dir := dataDir(t)
	ran := func(args ...string) (int, string, string) {
		return ran(append(args, "--data-dir", dir, "--postgres-bin", testkit.PostgresBin())...)
	}
	instance, err := embedded.Start(t.Context(), embedded.Options{
		DataDir: dir, PostgresBin: testkit.PostgresBin(), SkipNATS: true, Logger: slog.New(slog.DiscardHandler),
		Settings: map[string]string{"fsync": "off"}, // or a slow disk may take longer than a stop does
	})
	require.NoError(t, err)
	require.NoError(t, instance.Close(t.Context()))
	for range 2 {
		status, out, said := ran("migrate", "--check")
		require.Equal(t, failed, status, said)
		require.Contains(t, out, "pending: 00001_log.sql\n")
	}
	status, out, said := ran("migrate")
	require.Zero(t, status, said)
	require.Contains(t, out, "applied: 00001_log.sql\n")
	status, out, said = ran("migrate", "--check")
	require.Zero(t, status, said)
	require.Contains(t, out, "up to date")
}
