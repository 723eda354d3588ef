package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/auth"
	"sical-backend/internal/bench/load"
	"sical-backend/internal/embedded"
	"sical-backend/internal/loadtest"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/internal/web"
)

// benchServer names the variable by which this test binary becomes a server.
const benchServer = "SICAL_TEST_SERVER"

// TestServerOfBenchmarks is a whole system in a process of its own, for
// BenchmarkWatched. "bare" has the same handlers without what watches them: the chain
// of middleware (but for reading the token), the monitor of statements, and logs.
func TestServerOfBenchmarks(t *testing.T) {
	kind := os.Getenv(benchServer)
	if kind == "" {
		t.Skip("it serves a benchmark")
	}
	c := parsed(t, "--data-dir", os.Getenv("SICAL_TEST_DIR"), "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0",
		"--rate-limit=536870912", "--rate-burst=536870912")
	a := newApp(*c, telemetry.NewLogger(io.Discard, slog.LevelInfo, "json"))
	defer a.Close()
	require.NoError(t, a.trace(t.Context(), "serve"))
	if kind == "bare" {
		a.logger, a.database, a.protect = slog.New(slog.DiscardHandler), nil, a.authenticateOnly
	}
	require.NoError(t, a.serve(t.Context()))
	fmt.Println("serves", a.publicURL)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the benchmark ends
}

// authenticateOnly reads the token and answers errors, and nothing else.
func (a *App) authenticateOnly(e *echo.Echo) error {
	e.HTTPErrorHandler = web.ErrorHandler(a.logger)
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if token, ok := strings.CutPrefix(c.Request().Header.Get("Authorization"), "Bearer "); ok {
				p, err := a.principal(token)
				if err != nil {
					return err
				}
				web.SetPrincipal(c, p)
			}
			return next(c)
		}
	})
	return nil
}

// watchedSystem starts one in a process of its own.
func watchedSystem(b *testing.B, kind string, environment ...string) (*load.Crowd, int) {
	b.Helper()
	dir, err := os.MkdirTemp("", "sical-bench-")
	require.NoError(b, err)
	require.NoError(b, os.Chmod(dir, 0o711))
	b.Cleanup(func() { require.NoError(b, os.RemoveAll(dir)) })
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestServerOfBenchmarks$", "-test.timeout=10m")
	cmd.Env = append(append(os.Environ(), benchServer+"="+kind, "SICAL_TEST_DIR="+dir), environment...)
	end, err := cmd.StdinPipe()
	require.NoError(b, err)
	launch(b, cmd, "serves http")
	cmd.Cancel = end.Close
	run, err := embedded.ReadRun(dir)
	require.NoError(b, err)
	keys, err := auth.OpenKeyring(filepath.Join(dir, "keys", "tokens"))
	require.NoError(b, err)
	signer, err := auth.NewSigner(keys, issuer, audience, time.Now)
	require.NoError(b, err)
	people, err := load.Gather(b.Context(), run.PublicURL, signer, 16)
	require.NoError(b, err)
	return people, run.PID
}

// BenchmarkWatched tells what watching costs: processor time of the system's own process
// (without Postgres) for each request of the mixed load at a fixed rate, with
// nothing that watches, with everything, and with one trace in a hundred besides.
// Required are at most 15 % more for the second, and 5 % more again for the third.
// The three are played in turns; -benchtime 5x gives five of each, of which medians
// are told.
func BenchmarkWatched(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	b.Cleanup(collector.Close)
	contenders := []struct {
		name        string
		environment []string
		people      *load.Crowd
		pid         int
		costs       []float64
	}{
		{name: "bare"}, {name: "watched"},
		{name: "traced", environment: []string{
			"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.01",
		}},
	}
	for i := range contenders {
		c := &contenders[i]
		c.people, c.pid = watchedSystem(b, c.name, c.environment...)
	}
	spent := func(pid int) time.Duration {
		tree, err := loadtest.Tree(pid)
		require.NoError(b, err)
		return tree[0].CPU
	}
	round := func(i int, d time.Duration) float64 {
		c := &contenders[i]
		before := spent(c.pid)
		r, err := loadtest.Load{URL: c.people.URL, Connections: 16, Rate: 2000, Duration: d, Work: c.people.Mixed}.Run(b.Context())
		require.NoError(b, err)
		require.NoError(b, r.Err, c.name)
		require.NoError(b, c.people.Settle(b.Context()))
		return float64((spent(c.pid) - before).Microseconds()) / float64(r.Units)
	}
	for i := range contenders {
		round(i, time.Second)
	}
	turns := []int{0, 1, 2}
	for b.Loop() {
		for _, i := range turns {
			contenders[i].costs = append(contenders[i].costs, round(i, benchRound))
		}
		slices.Reverse(turns) // what the machine does meanwhile favours nobody
	}
	b.ReportMetric(0, "ns/op") // the length of a round is ours
	for i, c := range contenders {
		b.ReportMetric(loadtest.Median(c.costs), c.name+"-cpu-µs")
		if i == 0 {
			continue
		}
		more := make([]float64, len(c.costs)) // within each turn
		for turn := range c.costs {
			more[turn] = 100 * (c.costs[turn]/contenders[i-1].costs[turn] - 1)
		}
		b.ReportMetric(loadtest.Median(more), c.name+"-more-%")
		testkit.AtMost(b, "% more CPU when "+c.name, loadtest.Median(more), []float64{1: 15, 2: 5}[i])
	}
}
