package projector

import (
	"testing"

	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// BenchmarkLive is the time from an event's arrival on the feed until the
// notice that its row can be read, one event after the other.
func BenchmarkLive(b *testing.B) {
	w := newWorld(b)
	nc := connect(testkit.NATS(b))
	next := notices(b, nc, projections.Progress)
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
