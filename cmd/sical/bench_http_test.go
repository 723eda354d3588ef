package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/auth"
	"sical-backend/internal/bench/load"
	"sical-backend/internal/embedded"
	"sical-backend/internal/loadtest"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// benchConnections is how many connections the benchmarks use, benchRound how long
// one round of each contender lasts.
const (
	benchConnections = 64
	benchRound       = 3 * time.Second
)

// build makes a program of a folder of this module, or of one within it.
func build(b *testing.B, folder, file string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "go", "build", "-buildvcs=false", "-o", file, ".")
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, string(out))
}

// launch starts a program that ends with the benchmark, and reads one of its outputs
// up to the line that holds a word.
func launch(b *testing.B, cmd *exec.Cmd, word string) string {
	b.Helper()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	read, write, err := os.Pipe()
	require.NoError(b, err)
	cmd.Stdout, cmd.Stderr = write, write
	require.NoError(b, cmd.Start())
	require.NoError(b, write.Close())
	drained, found := make(chan struct{}), make(chan string, 1)
	go func() {
		defer close(drained)
		defer close(found)
		for lines := bufio.NewScanner(read); lines.Scan(); {
			if strings.Contains(lines.Text(), word) {
				select {
				case found <- lines.Text():
				default:
				}
			}
		}
	}()
	b.Cleanup(func() {
		<-drained
		_ = cmd.Wait() // it was told to end
		_ = read.Close()
	})
	line, ok := <-found
	require.True(b, ok, "%v did not start", cmd.Args)
	return line
}

// launched is a system of the built program, on a data folder of its own.
type launched struct {
	file, dir string
	embedded.Run
	people *load.Crowd
}

// launchSical starts the whole system, with authentication, synced to disk, and
// gathers people in it.
func launchSical(b *testing.B, file string) *launched {
	b.Helper()
	l, signer := startSical(b, file)
	var err error
	l.people, err = load.Gather(b.Context(), l.PublicURL, signer, benchConnections)
	require.NoError(b, err)
	return l
}

// startSical starts the whole system, and gives what signs its tokens.
func startSical(b *testing.B, file string, flags ...string) (*launched, *auth.Signer) {
	b.Helper()
	dir, err := os.MkdirTemp("", "sical-bench-") // not b.TempDir: as root, Postgres is another user who has to pass
	require.NoError(b, err)
	require.NoError(b, os.Chmod(dir, 0o711))
	b.Cleanup(func() { require.NoError(b, os.RemoveAll(dir)) })
	l := &launched{file: file, dir: dir}
	flags = append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-level", "error"}, flags...)
	if !slices.Contains(flags, "--rate-limit") {
		flags = append(flags, "--rate-limit", "0")
	}
	launch(b, l.command(b, flags...), "sical serves")
	l.Run, err = embedded.ReadRun(dir)
	require.NoError(b, err)
	keys, err := auth.OpenKeyring(filepath.Join(dir, "keys", "tokens"))
	require.NoError(b, err)
	signer, err := auth.NewSigner(keys, issuer, audience, time.Now)
	require.NoError(b, err)
	return l, signer
}

func (l *launched) command(b *testing.B, args ...string) *exec.Cmd {
	return exec.CommandContext(b.Context(), l.file, append(args, "--data-dir", l.dir)...)
}

// pause stops the folding of all views.
func (l *launched) pause(b *testing.B) {
	b.Helper()
	for _, v := range projections.Views() {
		out, err := l.command(b, "projections", "pause", v.Name).CombinedOutput()
		require.NoError(b, err, string(out))
	}
}

// BenchmarkCommandOverHTTP plays four systems in the same rounds, each with a
// synced Postgres, at 64 connections that create goals, each as a user of its own:
// the design that sical replaces as it was sketched (Gin and GORM, one insert a
// request, no authentication, no users), the same with its pool of connections
// mended and without its CORS and metrics, sical with authentication and everything
// running, and sical with its projectors paused. First all begin empty; then each
// holds the same number of users and goals, which sical has taken through its rules
// and its log (and, unless paused, its views), and the peers by one statement, then
// analysed. Required are 3 times the design's commands a second for the third and 6
// times for the fourth. A round is 3 s of each: -benchtime 1x plays one of both
// kinds, in about two minutes with all that it builds; 5x five, of which medians are
// told.
func BenchmarkCommandOverHTTP(b *testing.B) {
	dir := b.TempDir()
	file := filepath.Join(dir, "sical")
	build(b, ".", file)
	running, paused := launchSical(b, file), launchSical(b, file)
	paused.pause(b)
	old, database := peer(b, dir, "-as-sketched")
	mended, mendedDatabase := peer(b, dir)
	mended.name = "the same, mended"
	contenders := []*contender{
		old, mended,
		{name: "everything running", url: running.PublicURL, roots: []int{running.PID}, work: running.people.Create, settle: running.people.Settle},
		{name: "projectors paused", url: paused.PublicURL, roots: []int{paused.PID}, work: paused.people.Create},
	}
	b.Run("empty", func(b *testing.B) { playCommands(b, contenders) })
	file = presence(b, 0, presentUsers, presentGoals, "private")
	running.take(b, file)
	paused.take(b, file)
	takeRows(b, database, presentUsers, presentGoals)
	takeRows(b, mendedDatabase, presentUsers, presentGoals)
	b.Run(fmt.Sprintf("users=%d/goals=%d", presentUsers, presentGoals), func(b *testing.B) { playCommands(b, contenders) })
}

// playCommands lets the contenders, of which the first two are the peers, play their
// rounds, and tells how they did.
func playCommands(b *testing.B, contenders []*contender) {
	for _, c := range contenders {
		c.rates, c.costs = nil, nil
		c.round(b, time.Second) // pools fill, statements are prepared, paused projectors notice
	}
	for b.Loop() {
		for _, c := range contenders {
			rate, cost := c.round(b, benchRound)
			c.rates, c.costs = append(c.rates, rate), append(c.costs, cost)
		}
	}
	b.ReportMetric(0, "ns/op") // the length of a round is ours
	sketched, mended := loadtest.Median(contenders[0].rates), loadtest.Median(contenders[1].rates)
	table := fmt.Sprintf("%-20s %12s %14s %14s %14s\n", "", "commands/s", "CPU µs each", "times sketched", "times mended")
	for i, c := range contenders {
		rate, cost := loadtest.Median(c.rates), loadtest.Median(c.costs)
		unit := []string{"sketched", "mended", "running", "paused"}[i]
		b.ReportMetric(rate, unit+"-commands/s")
		b.ReportMetric(cost, unit+"-cpu-µs")
		b.ReportMetric(rate/sketched, unit+"-times-sketched")
		b.ReportMetric(rate/mended, unit+"-times-mended")
		table += fmt.Sprintf("%-20s %12.0f %14.0f %14.1f %14.1f\n", c.name, rate, cost, rate/sketched, rate/mended)
	}
	b.Log("\n" + table)
	testkit.AtLeast(b, "times the commands of the design as sketched, everything running", loadtest.Median(contenders[2].rates)/sketched, 3)
	testkit.AtLeast(b, "times the commands of the design as sketched, projectors paused", loadtest.Median(contenders[3].rates)/sketched, 6)
}

// BenchmarkVisible measures from the moment a command was due until what it did was
// read over HTTP, at fixed rates: the whole program, authentication on, synced to
// disk. The answer to the command alone is told beside it. Required are 6 ms for half of them,
// and 20 ms at 200/s and 30 ms at 1,000/s for 99 of 100. -benchtime 5x gives five
// runs, of which medians are told.
func BenchmarkVisible(b *testing.B) {
	file := filepath.Join(b.TempDir(), "sical")
	build(b, ".", file)
	system := launchSical(b, file)
	for _, rate := range load.VisibleRates() {
		b.Run(fmt.Sprintf("rate=%d", rate), func(b *testing.B) {
			var command, visible []load.Sample
			for b.Loop() {
				s, err := system.people.Visible(b.Context(), rate, benchConnections, benchRound)
				require.NoError(b, err)
				require.Zero(b, s.Visible.Failed)
				command, visible = append(command, s.Command), append(visible, s.Visible)
			}
			b.ReportMetric(0, "ns/op")
			for _, m := range []load.Sample{load.Median(command), load.Median(visible)} {
				b.ReportMetric(m.P50, m.Name+"-p50-ms")
				b.ReportMetric(m.P95, m.Name+"-p95-ms")
				b.ReportMetric(m.P99, m.Name+"-p99-ms")
			}
			seen := load.Median(visible)
			testkit.AtMost(b, "ms until visible, p50", seen.P50, 6)
			if rate < 1000 {
				testkit.AtMost(b, "ms until visible, p99", seen.P99, 20)
			} else {
				testkit.AtMost(b, "ms until visible, p99", seen.P99, 30)
			}
		})
	}
}
