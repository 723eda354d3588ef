package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/auth"
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
	for _, v := range judge(make([]sample, 2), 0) {
		assert.Contains(t, text.String(), v.Target)
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
}

// What takes longer than a token lives is loaded with tokens that are valid all the same.
func TestTokensOutliveEachPart(t *testing.T) {
	t.Parallel()
	keys, err := auth.OpenKeyring(t.TempDir())
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		signer, err := auth.NewSigner(keys, issuer, audience, time.Now)
		require.NoError(t, err)
		verifier := auth.NewVerifier(keys, issuer, audience, &auth.Revocations{}, time.Now)
		c := &crowd{signer: signer, people: make([]person, 2)}
		for i := range c.people {
			c.people[i].claims = auth.Claims{User: uuid.New(), Session: uuid.New(), Role: string(events.Learner)}
		}
		longest := loadtest.MaxDuration + settled
		for range 2 * auth.MaxLifetime / longest {
			require.NoError(t, c.renew())
			token := c.people[1].token
			require.NoError(t, c.renew())
			require.Equal(t, token, c.people[1].token, "one that lasts is kept")
			time.Sleep(longest)
			for _, p := range c.people {
				_, err := verifier.Verify(p.token)
				require.NoError(t, err)
			}
		}
	})
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
		{func(s *sample) { s.Memory = 0 }, 1000, "++++?++"},
		{func(s *sample) { s.Busy = 0 }, 1000, "+++++?+"},
		{func(s *sample) { s.Busy = .7 }, 1000, "+++++-+"},
		{func(s *sample) { s.Failed = .001 }, 1000, "+++-++-"},
	} {
		assert.Equal(t, c.want, judged(c.change, c.connections))
	}
}

// TestHalfOfTheProcessorsIsNoMeasurement: of a Postgres elsewhere nobody knows the time.
func TestHalfOfTheProcessorsIsNoMeasurement(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	before, after := look{at: begun}, look{at: begun.Add(time.Second), own: time.Second}
	var s sample
	before.cost(&s, after, 1000)
	assert.Equal(t, sample{CPU: 1000}, s)
	highest := &ceiling{Rate: 2000, Tried: []rung{{Rate: 2000, Found: s}}}
	var page bytes.Buffer
	require.NoError(t, (&report{Highest: highest}).page(&page))
	assert.Contains(t, page.String(), "up to 2000 requests/s.")
	after.postgres = time.Second
	before.cost(&highest.Tried[0].Found, after, 1000)
	assert.InDelta(t, 2/float64(runtime.NumCPU()), highest.Tried[0].Found.Busy, 1e-9)
	assert.Equal(t, ", with the processors' up to 0", highest.Leanly())
}

func TestMediansAreTakenFigureByFigure(t *testing.T) {
	t.Parallel()
	timed := func(p50, p99 float64) sample {
		s := sample{Name: "read", P50: p50, P99: p99, latency: &loadtest.Histogram{}}
		s.latency.Record(time.Duration(p50) * time.Millisecond)
		return s
	}
	m := median([]sample{timed(1, 9), timed(3, 7), timed(2, 8)})
	assert.Equal(t, int64(3), m.latency.Count())
	assert.Equal(t, 3*time.Millisecond, m.latency.Max())
	m.latency = nil
	assert.Equal(t, sample{Name: "read", P50: 2, P99: 8}, m)
	assert.Equal(t, "1,234,567", thousands(1234567))
	assert.Equal(t, "999", thousands(999))
}

// TestHighestRateIsFound where everything up to a limit holds.
func TestHighestRateIsFound(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 99, 100, 3000, 7777, 1 << 20} {
		c, err := search(100, func(rate int) (sample, error) {
			s := sample{PerSecond: float64(rate), Busy: .5}
			if rate > limit {
				s.P95 = 1000
			}
			if rate > limit/2 {
				s.Busy = .9
			}
			return s, nil
		})
		require.NoError(t, err)
		assert.LessOrEqual(t, c.Rate, limit)
		assert.GreaterOrEqual(t, c.Rate, min(limit, loadtest.MaxRate)*9/10-4, "%d", limit)
		assert.LessOrEqual(t, c.Lean, max(limit/2, 0))
		assert.LessOrEqual(t, len(c.Tried), 16)
	}
}

func TestPlotHasABarForEachQuantile(t *testing.T) {
	t.Parallel()
	var h loadtest.Histogram
	for i := range 1000 {
		h.Record(time.Duration(i) * time.Millisecond)
	}
	var text strings.Builder
	require.NoError(t, plot(&text, "reads", &h))
	assert.Equal(t, 1+len(quantiles), strings.Count(text.String(), "\n"))
	assert.Contains(t, text.String(), "99 %     989.86 ms", "the figure itself")
	assert.Contains(t, text.String(), strings.Repeat("█", plotWidth-1))
}
