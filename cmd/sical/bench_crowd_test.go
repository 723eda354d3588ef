package main

import (
	"path/filepath"
	"testing"
	"time"

	"sical-backend/internal/loadtest"
	"sical-backend/internal/testkit"
)

// crowdRound is short: a crowd that is answered is as it is from the first second on.
const crowdRound = 3 * time.Second

// BenchmarkCrowd asks for points, others' profiles and goals that memory does not have, in turn by
// 16 and by 256 connections, and by 1,000, all of which ask again as soon as they are answered.
// Required is that by the thousand at least 0.9 times as many come within half a second as by the
// better of the others. To ask for five times as many whether or not they are answered, as
// BenchmarkOverload does for what costs more, would take tens of thousands of connections: it costs
// as much to ask for one of these, or to refuse it, as to answer. The processors are as there.
//
// -benchtime 3x plays three rounds of all six, of which medians are told.
func BenchmarkCrowd(b *testing.B) {
	placeable(b)
	program := filepath.Join(b.TempDir(), "sical")
	build(b, ".", program)
	system, signer := startSical(b, program, "--cache-bytes", "1")
	l := fill(b, system.PublicURL, signer, smallLibrary)
	for _, question := range []struct {
		name string
		of   target
	}{{"point", l.point}, {"profile", l.user}, {"goal", l.goal}} {
		asked := &useful{contender: contender{url: l.url, roots: []int{system.PID}, work: l.reading(question.of, nil)}}
		for _, where := range []struct{ name, its, ours string }{{"apart", "0", "1"}, {"together", everyProcessor, everyProcessor}} {
			b.Run(question.name+"/"+where.name, func(b *testing.B) {
				place(b, system.PID, where.its, where.ours)
				testkit.AtLeast(b, "of the peak answered in time", crowd(b, asked), .9)
			})
		}
	}
}

// crowd plays the rounds of one question, and gives how much of the peak a thousand connections
// have in time.
func crowd(b *testing.B, asked *useful) (times float64) {
	b.Helper()
	round := func(connections int) (good float64, told string) {
		return asked.round(b, loadtest.Load{URL: asked.url, Connections: connections, Duration: crowdRound})
	}
	round(fitting) // pools fill, statements are prepared
	var goods, ofPeak []float64
	for b.Loop() {
		few, calm := round(fitting)
		some, busy := round(256)
		watched := watchHealth(b, asked.url)
		good, crowded := round(1000)
		goods, ofPeak = append(goods, good), append(ofPeak, good/max(few, some))
		b.Logf("by 16 connections %s; by 256 %s; by 1,000 %s; %d times ready and well", calm, busy, crowded, watched())
	}
	b.ReportMetric(0, "ns/op") // the length of a round is ours
	b.ReportMetric(loadtest.Median(goods), "in-time/s")
	times = loadtest.Median(ofPeak)
	b.ReportMetric(times, "times-peak")
	return times
}
