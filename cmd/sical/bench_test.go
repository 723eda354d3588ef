package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/loadtest"
	"sical-backend/internal/testkit"
)

// TestBenchLoadsARunningSystem looks at what is told, not at how good it is.
func TestBenchLoadsARunningSystem(t *testing.T) {
	t.Parallel()
	c := Config{DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL}
	serveOn(t, c, slog.New(slog.DiscardHandler))

	var text bytes.Buffer
	b := Bench{Connections: 16, Rate: 50, Seconds: 1, Rounds: 1}
	if err := b.Run(t.Context(), &c, &output{&text}, slog.New(slog.DiscardHandler)); err != nil {
		require.ErrorContains(t, err, "targets missed", "on a machine too busy for them")
	}
	for _, v := range judge(make([]sample, 2), 0) {
		assert.Contains(t, text.String(), v.Target)
	}
	assert.Contains(t, text.String(), "0.000 %", "no request failed")

	text.Reset()
	b.Visible, b.JSON = true, true
	require.NoError(t, b.Run(t.Context(), &c, &output{&text}, slog.New(slog.DiscardHandler)))
	var told struct{ Visible []seen }
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
	for args, want := range map[string]string{
		"":                          "nothing runs",
		"--url http://192.0.2.1:80": loadtest.ErrNotLocal.Error(),
		"--rounds 0":                "at least 1",
	} {
		var stdout, stderr bytes.Buffer
		status := run(append([]string{"bench", "--data-dir", t.TempDir()}, strings.Fields(args)...), &stdout, &stderr)
		assert.Equal(t, failed, status, args)
		assert.Contains(t, stderr.String(), want, args)
	}
}

func TestTargetsAreJudged(t *testing.T) {
	t.Parallel()
	good := sample{PerSecond: 1000, P95: 199, Query: 49, Memory: 511, Busy: .69, Failed: .0009}
	judged := func(change func(*sample), connections int) string {
		fixed := good
		change(&fixed)
		word := map[bool]byte{true: '+', false: '-'}
		var all []byte
		for _, v := range judge([]sample{fixed, fixed}, connections) {
			if v.Met == nil {
				all = append(all, '?')
				continue
			}
			all = append(all, word[*v.Met])
		}
		return string(all)
	}
	for _, c := range []struct {
		change      func(*sample)
		connections int
		want        string
	}{
		{func(*sample) {}, 1000, "+++++++"},
		{func(s *sample) { s.P95 = 200 }, 1000, "-++++++"},
		{func(s *sample) { s.Query = 50 }, 1000, "+-+++++"},
		{func(s *sample) { s.Query = 0 }, 1000, "+?+++++"},
		{func(s *sample) { s.PerSecond = 999 }, 1000, "++-++++"},
		{func(*sample) {}, 999, "+++?+++"},
		{func(s *sample) { s.Memory = 512 }, 1000, "++++-++"},
		{func(s *sample) { s.Memory = 0 }, 1000, "++++??+"},
		{func(s *sample) { s.Busy = .7 }, 1000, "+++++-+"},
		{func(s *sample) { s.Failed = .001 }, 1000, "+++-++-"},
	} {
		assert.Equal(t, c.want, judged(c.change, c.connections))
	}
}

func TestMediansAreTakenFigureByFigure(t *testing.T) {
	t.Parallel()
	m := median([]sample{{Name: "read", P50: 1, P99: 9}, {Name: "read", P50: 3, P99: 7}, {Name: "read", P50: 2, P99: 8}})
	assert.Equal(t, sample{Name: "read", P50: 2, P99: 8}, m)
	assert.Equal(t, "1,234,567", thousands(1234567))
	assert.Equal(t, "999", thousands(999))
}
