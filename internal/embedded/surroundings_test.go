package embedded

import (
	"archive/tar"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who has variables for another server, of whatever kind, gets the private one as it is.
func TestVariablesOfAnotherServerHaveNoSay(t *testing.T) {
	for name, value := range map[string]string{
		"PGHOST": "db.example", "PGPORT": "6543", "PGUSER": "somebody", "PGPASSWORD": "theirs", "PGDATABASE": "theirs", "PGDATA": "/nonexistent",
		"PGSERVICE": "theirs", "PGTARGETSESSIONATTRS": "standby", "PGOPTIONS": "-c search_path=nowhere", "PGTZ": "Asia/Shanghai",
	} {
		t.Setenv(name, value)
	}
	o := options(folder(t, nil))
	o.SkipNATS = true
	i, err := Start(soon(t), o)
	require.NoError(t, err)
	require.Equal(t, `"$user", public UTC`, query(t, i.Postgres.AdminURL,
		`select current_setting('search_path') || ' ' || current_setting('timezone')`))
	require.NoError(t, i.Close(t.Context()))
}

// As root Postgres is somebody else, who has to reach what a strict umask would close.
func TestStrictUmaskKeepsPostgresNotOut(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	o := options(filepath.Join(folder(t, nil), "data"))
	o.SkipNATS = true
	i, err := Start(soon(t), o)
	require.NoError(t, err)
	require.NoError(t, i.Close(t.Context()))

	archive, sum := pack(t, entry{"package/native/bin/postgres", "program", tar.TypeReg})
	fakeNPM(t, archive)
	cache := filepath.Join(t.TempDir(), "cache")
	home := filepath.Join(cache, "postgres")
	require.NoError(t, npmPackage{cache, o.Logger}.fetch(t.Context(), "spec", sum, home))
	for _, name := range []string{cache, home, filepath.Join(home, "bin"), filepath.Join(home, "bin", "postgres")} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o755), info.Mode().Perm(), name)
	}
}
