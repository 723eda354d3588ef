package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sical-backend/internal/loadtest"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

const (
	manyConnections = 1000
	keptAnswers     = 100_000 // of about 1 KB
	keptBytes       = 155_000_000
	memoryTarget    = 224 << 20 // a process is up to 20 MB larger at its most
)

// BenchmarkConnections plays 1,000 connections that read 100,000 points from memory as
// fast as they are answered, of query processes beside a system, against the bare handler
// of BenchmarkCachedRead with the same answers. One process has a target of memory, the
// other has what it likes. Required are a 95th percentile of at
// most 1.5 times the bare handler's, no errors, and less than 256 MB, all at once, with next to
// nothing loaded.
func BenchmarkConnections(b *testing.B) {
	dir := b.TempDir()
	program, bare := filepath.Join(dir, "sical"), filepath.Join(dir, "bare")
	build(b, ".", program)
	build(b, "../../internal/bench/bare", bare)
	system, signer := startSical(b, program, "--rate-limit", "1000000", "--rate-burst", "1000000")
	l := fill(b, system.PublicURL, signer, holding{points: keptAnswers, paths: benchConnections, people: benchConnections})
	processes := []*queryProcess{system.startQuery(b, "with a target", memoryTarget), system.startQuery(b, "without a bound", -1)}
	var file string
	for _, q := range processes {
		l.url = q.url
		for range 2 { // memory does not keep every answer the first time
			file, _ = l.answers(b, l.everything(0))
		}
	}
	url, pid := bareServer(b, bare, "-answers", file)
	work := l.reading(l.point, nil)
	contenders := []*contender{{name: "bare", url: url, roots: []int{pid}, work: work}}
	for _, q := range processes {
		contenders = append(contenders, &contender{name: q.name, url: q.url, roots: []int{q.pid}, work: work})
	}
	for _, c := range contenders {
		c.load(b, manyConnections, time.Second)
	}
	then := remembers(b, processes[0].adminURL)
	p95, most := make([][]float64, len(contenders)), make([]float64, len(contenders))
	for b.Loop() {
		for i, c := range contenders {
			before := c.spent(b)
			peak := loadtest.WatchMemory(c.roots[0])
			r := c.load(b, manyConnections, benchRound)
			most[i] = max(most[i], float64(peak())/1e6)
			p95[i] = append(p95[i], r.Latency.Quantile(.95).Seconds()*1000)
			c.rates = append(c.rates, r.PerSecond())
			c.costs = append(c.costs, float64((c.spent(b)-before).Microseconds())/float64(r.Units))
		}
	}
	b.ReportMetric(0, "ns/op") // the length of a round is ours
	table := fmt.Sprintf("%-16s %12s %14s %8s %8s %12s\n", "", "requests/s", "CPU µs each", "p95 ms", "times", "most MB")
	for i, c := range contenders {
		m, unit := loadtest.Median(p95[i]), strings.ReplaceAll(c.name, " ", "-")
		times := m / loadtest.Median(p95[0])
		b.ReportMetric(m, unit+"-p95-ms")
		b.ReportMetric(times, unit+"-times")
		b.ReportMetric(most[i], unit+"-MB")
		table += fmt.Sprintf("%-16s %12.0f %14.1f %8.1f %8.2f %12.0f\n",
			c.name, loadtest.Median(c.rates), loadtest.Median(c.costs), m, times, most[i])
	}
	b.Log("\n" + table)
	testkit.AtMost(b, "of the bare handler's p95, with a target", loadtest.Median(p95[1])/loadtest.Median(p95[0]), 1.5)
	testkit.AtMost(b, "MB resident at the most, with a target", most[1], 256)
	testkit.AtMost(b, "of what was asked loaded, with a target", remembers(b, processes[0].adminURL).loadedSince(then), .01)
}

// queryProcess is one that only answers, of a system.
type queryProcess struct {
	name, url, adminURL string
	pid                 int
}

// startQuery starts one with a target of memory.
func (l *launched) startQuery(b *testing.B, name string, target int) *queryProcess {
	b.Helper()
	cmd := l.command(b, "query", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-level", "error",
		"--postgres-url", l.PostgresURLs[postgres.RoleQuery], "--nats-url", l.NATSURL,
		"--rate-limit", "1000000", "--rate-burst", "1000000", "--cache-bytes", strconv.Itoa(keptBytes), "--memory-target="+strconv.Itoa(target))
	admin, url, _ := strings.Cut(launch(b, cmd, "sical query: "), ", API ")
	return &queryProcess{name, url, strings.TrimPrefix(admin, "sical query: admin "), cmd.Process.Pid}
}
