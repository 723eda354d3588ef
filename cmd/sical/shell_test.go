package main

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/embedded"
)

// TestQuote has a shell read what was written for it.
func TestQuote(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"", "/var/lib/sical", "/home/ana/my data", "it's", `a"b\c`, "$HOME", "~", "*", "a;b", "a\nb", "学习", "-x"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quote(word)+"; printf '%s' \"|$#\"").Output()
		require.NoError(t, err)
		assert.Equal(t, word+"|0", string(out))
	}
	assert.Equal(t, "/var/lib/sical-1.0:x=y", quote("/var/lib/sical-1.0:x=y"), "what needs no quotes has none")
}

// isLookedInto by the very command that is printed, also where the folder for temporary
// files has a space in its name.
func (b binary) isLookedInto(t *testing.T) {
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("there is no psql")
	}
	dir := b.folder(t)
	tmp := filepath.Join(dir, "for a while")
	require.NoError(t, os.Mkdir(tmp, 0o755))
	b.first = "export TMPDIR=" + quote(tmp)
	s := b.serve(t, dir, "--max-conns", "30")
	out, err := exec.CommandContext(t.Context(), "sh", "-c", s.inside+" -Atc 'show unix_socket_directories' -c 'show max_connections'").CombinedOutput()
	require.NoError(t, s.cmd.Process.Signal(os.Interrupt))
	<-s.ended
	require.NoError(t, s.err, s.stderr)
	require.NoError(t, err, "%s: %s", s.inside, out)
	require.Contains(t, string(out), tmp)
	require.Contains(t, string(out), "\n102\n", "room for every connection of the process")
}

// What the banner prints to look into a Postgres that wants a password has none in it, as it may
// stand in a log afterwards, and can be typed all the same by who may read the password's file.
func TestNoPasswordIsPrinted(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "my data")
	file := filepath.Join(dir, "postgres.password")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.WriteFile(file, []byte("qzsecret"), 0o600))
	a := newApp(Config{DataDir: dir}, slog.New(slog.DiscardHandler))
	a.instance = &embedded.Instance{Postgres: &embedded.Postgres{
		Source: "PostgreSQL 18 (Docker)", Password: "qzsecret", PasswordFile: file,
		AdminURL: "postgres://sical_super:qzsecret@127.0.0.1:25001/sical?sslmode=disable",
		ShownURL: "postgres://sical_super@127.0.0.1:25001/sical?sslmode=disable",
	}}
	var out bytes.Buffer
	a.banner(&output{&out}, true)
	require.NotContains(t, out.String(), "qzsecret")
	_, rest, _ := strings.Cut(out.String(), "look inside")
	line, _, _ := strings.Cut(rest, "\n")
	said, err := exec.CommandContext(t.Context(), "sh", "-c", `psql() { printf '%s %s' "$PGPASSWORD" "$*"; }; `+line).CombinedOutput()
	require.NoError(t, err, "%s: %s", line, said)
	require.Equal(t, "qzsecret "+a.instance.Postgres.ShownURL, string(said))
}

// What the banner and the demo print can be pasted wherever the data folder is.
func TestPrintedCommandsCanBePasted(t *testing.T) {
	t.Parallel()
	a := newApp(Config{DataDir: "/home/ana/my data", Listen: ":8080"}, slog.New(slog.DiscardHandler))
	a.instance = &embedded.Instance{}
	var out bytes.Buffer
	a.banner(&output{&out}, true)
	a.tryDemo(&out)
	assert.Contains(t, out.String(), "data folder      /home/ana/my data\n")
	assert.Contains(t, out.String(), "  curl -s http://127.0.0.1:8080/v1/statistics\n", "everywhere is also here")
	assert.Equal(t, 3, bytes.Count(out.Bytes(), []byte(" token --data-dir '/home/ana/my data' --username ")), out.String())
}
