package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/bench/load"
	"sical-backend/internal/loadtest"
	"sical-backend/internal/testkit"
)

const (
	overload  = 5                      // times what the system can answer
	inTime    = 500 * time.Millisecond // in which an answer is of use
	fitting   = 16                     // connections that have it do all it can for so few
	crowding  = 512                    // of those who ask too much, at least
	crowdWait = 250 * time.Millisecond // that each of them may take without the crowd falling behind
	loadRound = 8 * time.Second        // so that the rush that is let in to begin with does not tell
)

// useful counts the answers that came in time, and those that came late.
type useful struct {
	contender
	counted, late atomic.Int64
	answers       loadtest.Histogram // how long they took from when they were due
}

func (c *useful) do(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
	err := c.work(ctx, conn, u)
	if took := time.Since(u.Due); err == nil {
		c.answers.Record(took)
		if took <= inTime {
			c.counted.Add(1)
		} else {
			c.late.Add(1)
		}
	}
	if status, ok := errors.AsType[*loadtest.StatusError](err); ok && strings.Contains(status.Body, `"overloaded"`) {
		return nil // as it should be
	}
	return err
}

// round loads the system and tells how many answers came in time, in a second.
func (c *useful) round(b *testing.B, l loadtest.Load) (good float64, told string) {
	b.Helper()
	c.counted.Store(0)
	c.late.Store(0)
	c.answers = loadtest.Histogram{}
	before := c.spent(b)
	l.Work, l.Duration = c.do, cmp.Or(l.Duration, loadRound)
	r, err := l.Run(b.Context())
	require.NoError(b, err)
	require.NoError(b, r.Err)
	took := r.Took.Seconds()
	good = float64(c.counted.Load()) / took
	at := func(h *loadtest.Histogram, q float64) time.Duration { return h.Quantile(q).Round(time.Millisecond) }
	return good, fmt.Sprintf("%.0f/s of %.0f/s in time and %.1f/s late, %v at p50 and %v at p95 of those answered and %v of all, %.1f processors",
		good, r.PerSecond(), float64(c.late.Load())/took, at(&c.answers, .5), at(&c.answers, .95), at(r.Latency, .95), (c.spent(b)-before).Seconds()/took)
}

// BenchmarkOverload asks for what memory does not have, in turn by 16 connections as fast
// as they are answered, at five times the rate that came of it, and at five times the better of
// both; what is too much is refused. Required is that at least 0.9 times as many answers as that
// better one come within half a second.
//
// There are five questions, each of which takes a millisecond or more; what takes less is
// BenchmarkCrowd's. A ranking that adds up to 3,200 sums, half as many on average, takes six milliseconds,
// however many ask. The others cost less where more ask: 50 goals by their ids take a
// millisecond, a page of 100 to 199 that are searched twice as long, a search that opens a thousand
// goals and finds none five times, and one that opens as many with descriptions fifteen times. All
// the while it must say that it is ready and well. Each is asked twice. "apart", those who ask have
// the second processor to themselves, and sical with its Postgres the first, as the capacity of a
// system is its own.
// "together", all share what there is: an answer that takes C of a processor has four refusals
// beside it, and where each of those takes r of asking and refusing together, 4r/C of all there
// is are gone before anything is answered, which the 16 did not take.
//
// -benchtime 3x plays three rounds of all ten, of which medians are told.
func BenchmarkOverload(b *testing.B) {
	placeable(b)
	program := filepath.Join(b.TempDir(), "sical")
	build(b, ".", program)
	system, signer := startSical(b, program, "--rate-limit", "1000000", "--rate-burst", "1000000", "--cache-bytes", "1")
	l := fill(b, system.PublicURL, signer, smallLibrary)
	listed := func(words string) func(n int) string {
		return func(n int) string { return "/v1/goals?q=" + words + "&limit=" + strconv.Itoa(100+n%100) }
	}
	several := func(n int) string {
		twice := slices.Concat(l.goals, l.goals)
		return "/v1/goals?ids=" + strings.Join(twice[n%len(l.goals):][:50], ",")
	}
	studied(b, l)
	ranking := func(n int) string { // 2,200 others until it is the same again
		return fmt.Sprintf("/v1/trending-points?limit=%d&at=%s", 1+scatter(n, 200), studyDay(n%(studyDays+1)))
	}
	for _, question := range []struct {
		name  string
		path  func(n int) string
		more  int    // goals than there were before
		about string // each of them
	}{{"ranking", ranking, 0, ""}, {"several", several, 0, ""}, {"page", listed("goal"), 200, ""}, {"search", listed("seldom"), 1000, ""}, {"long", listed("seldom"), 1000, sentence[:200]}} {
		more(b, l, question.more, question.about)
		work := l.reading(func(conn, n int) (string, load.Person) { return question.path(n), l.person(conn) }, nil)
		asked := &useful{contender: contender{url: l.url, roots: []int{system.PID}, work: work}}
		b.Run(question.name+"/apart", func(b *testing.B) {
			place(b, system.PID, "0", "1")
			testkit.AtLeast(b, "of the peak answered in time", rush(b, asked), .9)
		})
		b.Run(question.name+"/together", func(b *testing.B) {
			place(b, system.PID, everyProcessor, everyProcessor)
			rush(b, asked)
		})
	}
}

// placeable skips a benchmark that places processes where it cannot, and gives this process all
// processors again in the end.
func placeable(b *testing.B) {
	b.Helper()
	if _, err := exec.LookPath("taskset"); err != nil || runtime.NumCPU() < 2 {
		b.Skip("whoever asks needs a processor of their own: taskset (util-linux) and a second one")
	}
	b.Cleanup(func() { pin(b, os.Getpid(), everyProcessor) })
}

// everyProcessor is the list of them for taskset.
var everyProcessor = fmt.Sprintf("0-%d", runtime.NumCPU()-1)

// place gives the processors that a system may use, its descendants of now and later with it,
// and those of this process, which is a forefather of it.
func place(b *testing.B, system int, itsProcessors, ours string) {
	b.Helper()
	tree, err := loadtest.Tree(system)
	require.NoError(b, err)
	for _, p := range tree {
		pin(b, p.PID, itsProcessors)
	}
	pin(b, os.Getpid(), ours)
}

// pin gives the processors of one process. It is called by a cleanup, too, when the context
// has ended.
func pin(b *testing.B, pid int, processors string) {
	b.Helper()
	out, err := exec.Command("taskset", "--all-tasks", "--cpu-list", "--pid", processors, strconv.Itoa(pid)).CombinedOutput()
	require.NoError(b, err, string(out))
}

// rush plays the rounds of one question, and gives how much of the peak was answered in time.
func rush(b *testing.B, asked *useful) (times float64) {
	b.Helper()
	closed := loadtest.Load{URL: asked.url, Connections: fitting}
	asked.round(b, closed) // pools fill, statements are prepared
	crowd := func(rate float64) loadtest.Load {
		return loadtest.Load{URL: asked.url, Connections: max(crowding, int(rate*crowdWait.Seconds())), Rate: int(rate)}
	}
	var fits, peaks, goods, ofPeak []float64
	for b.Loop() {
		fit, calm := asked.round(b, closed)
		watched := watchHealth(b, asked.url)
		shared, busy := asked.round(b, crowd(overload*fit)) // which may be more, as the more ask the less each costs
		peak := max(fit, shared)
		good, rushed := asked.round(b, crowd(overload*peak))
		fits, peaks, goods, ofPeak = append(fits, fit), append(peaks, peak), append(goods, good), append(ofPeak, good/peak)
		b.Logf("by 16 connections %s; at five times that %s; at five times the better %s, the others refused; %d times ready and well",
			calm, busy, rushed, watched())
	}
	b.ReportMetric(0, "ns/op") // the length of a round is ours
	b.ReportMetric(loadtest.Median(fits), "by-16/s")
	b.ReportMetric(loadtest.Median(peaks), "peak/s")
	b.ReportMetric(loadtest.Median(goods), "in-time/s")
	times = loadtest.Median(ofPeak)
	b.ReportMetric(times, "times-peak")
	return times
}

// watchHealth asks a system all the time whether it is ready and well, until it is told to stop and
// gives how often that was. It fails the benchmark where the system ever says no.
func watchHealth(b *testing.B, url string) (stop func() (times int)) {
	b.Helper()
	conn, err := loadtest.Dial(b.Context(), url)
	require.NoError(b, err)
	stopping, done := make(chan struct{}), make(chan int)
	go func() {
		defer conn.Close()
		for n := 0; ; n++ {
			select {
			case <-stopping:
				done <- n
				return
			case <-time.After(20 * time.Millisecond):
			}
			for _, path := range []string{"/ready", "/health"} {
				if _, err := conn.Do(b.Context(), loadtest.Request{Method: http.MethodGet, Path: path}); err != nil {
					b.Errorf("%s under load: %v", path, err)
				}
			}
		}
	}()
	return func() int {
		close(stopping)
		return <-done
	}
}
