package main

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
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
