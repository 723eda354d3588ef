package main

import (
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/loadtest"
)

// liveRate is how many commands a second people make beside an import.
const liveRate = 100

// BenchmarkImport imports users and goals into a running system while people go on
// making goals at a fixed rate: with everything running, and with projections paused.
// It tells the commands that the import carried out in a second, and the latency of
// the live ones before and during it, from when each was due. -benchtime 3x plays
// three rounds of each, of which medians are told.
func BenchmarkImport(b *testing.B) {
	file := filepath.Join(b.TempDir(), "sical")
	build(b, ".", file)
	for _, kind := range []string{"running", "paused"} {
		b.Run(kind, func(b *testing.B) {
			l := launchSical(b, file)
			if kind == "paused" {
				l.pause(b)
			}
			var rates, calm50, calm99, busy50, busy99 []float64
			for b.Loop() {
				commands := presence(b, len(rates), presentUsers, presentGoals, "private")
				calm := l.live(b, benchRound).Latency
				rate, busy := l.importBeside(b, commands)
				rates = append(rates, rate)
				calm50, calm99 = append(calm50, 1000*calm.Quantile(.5).Seconds()), append(calm99, 1000*calm.Quantile(.99).Seconds())
				busy50, busy99 = append(busy50, 1000*busy.Quantile(.5).Seconds()), append(busy99, 1000*busy.Quantile(.99).Seconds())
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(loadtest.Median(rates), "imported/s")
			b.ReportMetric(loadtest.Median(calm50), "before-p50-ms")
			b.ReportMetric(loadtest.Median(calm99), "before-p99-ms")
			b.ReportMetric(loadtest.Median(busy50), "live-p50-ms")
			b.ReportMetric(loadtest.Median(busy99), "live-p99-ms")
		})
	}
}

// live lets people make goals for a while.
func (l *launched) live(b *testing.B, d time.Duration) *loadtest.Result {
	b.Helper()
	r, err := loadtest.Load{URL: l.PublicURL, Connections: benchConnections, Rate: liveRate, Duration: d, Work: l.people.Create}.Run(b.Context())
	require.NoError(b, err)
	require.NoError(b, r.Err)
	return r
}

// importBeside imports a file of commands while people make goals, until the import
// ends: the log has all of it then, and so have the views that are not paused.
func (l *launched) importBeside(b *testing.B, file string) (rate float64, beside *loadtest.Histogram) {
	b.Helper()
	var told []byte
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		told, err = l.command(b, "import", "ndjson", file).CombinedOutput()
	}()
	beside = &loadtest.Histogram{}
	for under := true; under; {
		r := l.live(b, time.Second)
		select {
		case <-ended: // within this second: it does not count
			under = false
		default:
			beside.Merge(r.Latency)
		}
	}
	require.NoError(b, err, string(told))
	require.Positive(b, beside.Count(), "the import was over within a second")
	found := importedAll.FindSubmatch(told)
	require.NotNil(b, found, string(told))
	require.Equal(b, "0", string(found[2]), "refused")
	rate, err = strconv.ParseFloat(string(found[3]), 64)
	require.NoError(b, err)
	return rate, beside
}

// importedAll is the line with the sum of an import: done, refused and the rate.
var importedAll = regexp.MustCompile(`(?m)^all +(\d+) done +0 known +(\d+) refused +[\d.]+ s +(\d+)/s$`)
