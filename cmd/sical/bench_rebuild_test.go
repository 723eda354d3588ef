package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/bench/load"
	"sical-backend/internal/loadtest"
	"sical-backend/internal/pause"
	"sical-backend/internal/rebuild"
	"sical-backend/internal/testkit"
)

// The traffic that rebuilds go on beside, a second.
const (
	besideReads    = 200
	besideCommands = 50
	besideTook     = 8 * time.Second // of a round, without and with
	besideGoals    = 100_000         // that are rebuilt
)

// BenchmarkRebuildBesideTraffic reads and commands at fixed rates, without a rebuild
// and with one after the other of a view of 100,000 rows. Required is that the reads'
// 99th percentile at most doubles, or grows by 5 ms; how fast the rebuilds are meanwhile
// is told beside. -benchtime 5x plays five rounds, of which medians are told.
func BenchmarkRebuildBesideTraffic(b *testing.B) {
	program := filepath.Join(b.TempDir(), "sical")
	build(b, ".", program)
	system, signer := startSical(b, program)
	system.take(b, presence(b, 0, presentUsers, besideGoals, "private"))
	people, err := load.Gather(b.Context(), system.PublicURL, signer, 32)
	require.NoError(b, err)
	traffic(b, people, time.Second) // so that nothing is done for the first time

	var without, with, rates []float64
	for b.Loop() {
		without = append(without, traffic(b, people, besideTook))
		stop, done := make(chan struct{}), make(chan float64)
		go func() { done <- system.rebuilds(b, stop) }()
		with = append(with, traffic(b, people, besideTook))
		close(stop)
		rates = append(rates, <-done)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(loadtest.Median(without), "p99-ms-without")
	b.ReportMetric(loadtest.Median(with), "p99-ms-with")
	b.ReportMetric(loadtest.Median(rates), "rebuilt-events/s")
	calm := loadtest.Median(without)
	testkit.AtMost(b, fmt.Sprintf("ms of reads' p99, which is %.3g without rebuilds,", calm), loadtest.Median(with), max(2*calm, calm+5))
	b.Log("read p99 in ms, round by round: without", without, "with", with, "events/s", rates)
}

// traffic reads goals and makes some for a while, and returns the 99th percentile of
// the reads in milliseconds.
func traffic(b *testing.B, c *load.Crowd, d time.Duration) float64 {
	b.Helper()
	var reads, commands *loadtest.Result
	var readErr, commandErr error
	var both sync.WaitGroup
	both.Go(func() {
		reads, readErr = loadtest.Load{URL: c.URL, Connections: 16, Rate: besideReads, Duration: d, Work: c.Read}.Run(b.Context())
	})
	both.Go(func() {
		commands, commandErr = loadtest.Load{URL: c.URL, Connections: 8, Rate: besideCommands, Duration: d, Work: c.Create}.Run(b.Context())
	})
	both.Wait()
	for _, err := range []error{readErr, commandErr, reads.Err, commands.Err} {
		require.NoError(b, err)
	}
	return reads.Latency.Quantile(.99).Seconds() * 1000
}

// rebuilds has the goals' view rebuilt, again and again until it is told to stop, and
// returns how many events a second that were. It asks over HTTP: a process of its own
// for each would be traffic, too.
func (l *launched) rebuilds(b *testing.B, stop <-chan struct{}) float64 {
	begun, done := time.Now(), 0
	for {
		if err := l.rebuild(b); err != nil {
			b.Error(err)
			return 0
		}
		done++
		select {
		case <-stop:
			return float64(done*besideGoals) / time.Since(begun).Seconds()
		default:
		}
	}
}

// rebuild has the goals' view rebuilt once.
func (l *launched) rebuild(b *testing.B) error {
	conn, err := loadtest.Dial(b.Context(), l.AdminURL)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Do(b.Context(), loadtest.Request{Method: http.MethodPost, Path: "/admin/projections/goal/rebuild"}); err != nil {
		return err
	}
	for pause.For(b.Context(), 200*time.Millisecond) {
		a, err := conn.Do(b.Context(), loadtest.Request{Method: http.MethodGet, Path: "/admin/projections"})
		if err != nil {
			return err
		}
		if done, err := rebuilt(a.Body); done || err != nil {
			return err
		}
	}
	return b.Context().Err()
}

// rebuilt tells, by the answer of /admin/projections, whether the goals' view has been rebuilt.
// It fails where the rebuild has ended otherwise.
func rebuilt(told []byte) (done bool, err error) {
	var now struct{ Jobs []rebuild.Job }
	if err := json.Unmarshal(told, &now); err != nil {
		return false, err
	}
	for _, j := range now.Jobs {
		switch {
		case j.View != "goal" || j.Kind != rebuild.KindRebuild:
		case j.State == rebuild.Done:
			return true, nil
		case j.Ended():
			return false, fmt.Errorf("the rebuild is %s", j.State)
		}
	}
	return false, nil
}
