package projector

import (
	"testing"
	"time"

	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// BenchmarkLive is the time from an event's arrival on the feed until the
// notice that its row can be read, one event after the other.
func BenchmarkLive(b *testing.B) {
	w := newWorld(b)
	nc := connect(testkit.NATS(b))
	next := notices(b, nc, projections.Progress.View)
	feed := make(unruly)
	w.start(func(c *Config) { c.Changes, c.Feed = nc, feed }, both...)
	w.some(1000)
	w.reaches(1000, both...)
	for b.Loop() {
		b.StopTimer() // while it is appended
		w.some(1)
		b.StartTimer()
		feed <- w.log[len(w.log)-1:]
		for next().To < uint64(len(w.log)) {
		}
	}
}

// BenchmarkLiveRate has the views keep up with a feed that brings a hundred events at
// a time as fast as they are taken, with their commits; storing them counts, too. Required are
// 8,000 events a second for all, and 20,000 for the largest alone.
func BenchmarkLiveRate(b *testing.B) {
	for name, views := range map[string][]*projections.View{"all": projections.Views(), "largest": {projections.Progress.View}} {
		b.Run(name, func(b *testing.B) {
			var rate float64
			for b.Loop() {
				b.StopTimer()
				w := newWorld(b)
				w.mix(1_000)
				feed := make(unruly)
				w.start(func(c *Config) { c.Feed = feed }, views...)
				w.reaches(0, views...)
				b.StartTimer()
				begun := time.Now()
				for from := 0; from < len(w.log); from += 100 {
					part := w.log[from:min(from+100, len(w.log))]
					w.store(part)
					feed <- part
				}
				w.reaches(uint64(len(w.log)), views...)
				rate = float64(len(w.log)) / time.Since(begun).Seconds()
			}
			b.ReportMetric(rate, "events/s")
			testkit.AtLeast(b, "events a second", rate, map[string]float64{"all": 8000, "largest": 20_000}[name])
		})
	}
}
