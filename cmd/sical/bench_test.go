package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/bench/load"
	"sical-backend/internal/loadtest"
	"sical-backend/internal/testkit"
)

// TestBenchLoadsARunningSystem looks at what is told, not at how good it is.
func TestBenchLoadsARunningSystem(t *testing.T) {
	t.Parallel()
	c := Config{DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL}
	serveOn(t, c, slog.New(slog.DiscardHandler))

	var text bytes.Buffer
	page := filepath.Join(t.TempDir(), "report.html")
	b := Bench{Connections: 16, Rate: 50, Seconds: 1, Rounds: 1, Report: filepath.Join(page, "nowhere")}
	require.ErrorContains(t, b.Run(t.Context(), tool(t, c), &output{&text}), "--report: ", "before anybody is registered")
	require.Empty(t, text.String())
	b.Report = page
	if err := b.Run(t.Context(), tool(t, c), &output{&text}); err != nil {
		require.ErrorContains(t, err, "targets missed", "on a machine too busy for them")
	}
	for _, target := range []string{
		"API p95", "database query p95", "requests a second", "concurrent users", "memory", "processors", "errors",
	} {
		assert.Contains(t, text.String(), "\n"+target+"  ")
	}
	assert.Contains(t, text.String(), "0.000 %", "no request failed")
	assert.Contains(t, text.String(), "99.9 %", "the plot")
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(html), "<polyline points=")
	assert.NotContains(t, string(html), "http", "it needs nothing from elsewhere")

	text.Reset()
	b.Visible, b.JSON, b.Report = true, true, ""
	b.Yes = true // a quick machine has put the system in use by now
	require.NoError(t, b.Run(t.Context(), tool(t, c), &output{&text}))
	var told struct{ Visible []load.Seen }
	require.NoError(t, json.Unmarshal(text.Bytes(), &told))
	require.Len(t, told.Visible, 2)
	for _, s := range told.Visible {
		// On a machine too busy for the rate some reads are answered 503, as promised.
		assert.Less(t, s.Visible.Failed, 1.0, "some were seen")
		assert.Positive(t, s.Command.P50)
		assert.GreaterOrEqual(t, s.Visible.P50, s.Command.P50, "nothing is seen before it is done")
	}
}

func TestBenchSparesASystemInUse(t *testing.T) {
	t.Parallel()
	position := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Sical-Position", position)
	}))
	defer server.Close()
	position = "10000"
	require.NoError(t, (&Bench{}).allowed(t.Context(), server.URL))
	position = "10001"
	require.ErrorContains(t, (&Bench{}).allowed(t.Context(), server.URL), "--yes")
	require.NoError(t, (&Bench{Yes: true}).allowed(t.Context(), server.URL))
}

func TestBenchRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for args, want := range map[string]string{
		"":                          "nothing runs on the data folder: " + dir,
		"--url http://192.0.2.1:80": loadtest.ErrNotLocal.Error(),
	} {
		var stdout, stderr bytes.Buffer
		status := run(append([]string{"bench", "--data-dir", dir}, strings.Fields(args)...), &stdout, &stderr)
		assert.Equal(t, failed, status, args)
		assert.Contains(t, stderr.String(), want, args)
	}

	b := Bench{Report: filepath.Join(dir, "report.json")}
	require.NoError(t, b.reportable())
	require.NoFileExists(t, b.Report, "what is refused later leaves nothing behind")
	require.NoError(t, os.WriteFile(b.Report, []byte("of yesterday"), 0o600))
	require.NoError(t, b.reportable())
	kept, err := os.ReadFile(b.Report)
	require.NoError(t, err)
	require.Equal(t, "of yesterday", string(kept))
}
