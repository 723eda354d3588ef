//go:build unix

package main

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// privatePostgres starts a server of this test's own, on a socket in a folder of
// its own, and gives its URL. It skips where no server is installed.
func privatePostgres(t *testing.T) string {
	t.Helper()
	bin := installed()
	if bin == "" {
		t.Skip("no PostgreSQL server binaries are installed")
	}
	// Not t.TempDir: its parent is closed to the other user a root's server runs as.
	dir, err := os.MkdirTemp("", "seed-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	attributes := unprivileged(t, dir)

	data := filepath.Join(dir, "data")
	create := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "seed", "-A", "trust", "-N", "--locale=C", "-E", "UTF8")
	create.SysProcAttr, create.Dir = attributes, dir
	output, err := create.CombinedOutput()
	require.NoError(t, err, string(output))

	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=32MB")
	server.SysProcAttr, server.Dir, server.Stderr = attributes, dir, os.Stderr
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		require.NoError(t, server.Process.Signal(syscall.SIGQUIT))
		_ = server.Wait() // SIGQUIT is no clean end, nor meant to be one
	})
	waitFor(t, filepath.Join(data, "postmaster.pid"))
	return "postgres:///postgres?user=seed&sslmode=disable&host=" + dir
}

// installed is the folder of a server's binaries, "" where there is none.
func installed() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // fails for a bad pattern only
	if path, err := exec.LookPath("postgres"); err == nil {
		found = append(found, path)
	}
	for _, path := range found {
		target, err := filepath.EvalSymlinks(path)
		if err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(target), "initdb")); err == nil {
			return filepath.Dir(target)
		}
	}
	return ""
}

// unprivileged gives dir to another user where this is root, as whom Postgres
// does not run, and says how to run as that user.
func unprivileged(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	require.NoError(t, err)
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	require.NoError(t, err)
	require.NoError(t, os.Chown(dir, int(uid), int(gid)))
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// waitFor polls the server's own word that it takes connections, the last line of
// its pid file: a socket is there sooner.
func waitFor(t *testing.T, pidFile string) {
	t.Helper()
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(pidFile)
		return err == nil && strings.HasSuffix(strings.TrimSpace(string(text)), "ready")
	}, time.Minute, 10*time.Millisecond)
}
