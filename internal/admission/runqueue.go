package admission

import (
	"runtime/metrics"
	"slices"
	"sync"
	"time"
)

// latencies is how long goroutines have been ready to run before they ran, since the program
// began (see runtime/metrics).
const latencies = "/sched/latencies:seconds"

// runQueueShare is the part of them that waited no longer than is told. Most are woken by
// another goroutine, which makes way for them at once. The others stand in line, as does
// whoever reads a request that has come.
const runQueueShare = .9

// RunQueue tells how long a request waits for a processor before the program so much as looks
// at it. Its methods may be called by many at a time.
type RunQueue struct {
	now func() time.Time

	mu      sync.Mutex
	looked  time.Time
	samples []metrics.Sample
	before  []uint64 // the counts of the last look
	delay   time.Duration
}

// NewRunQueue makes a RunQueue, which looks at what happens from then on. now is its clock.
func NewRunQueue(now func() time.Time) *RunQueue {
	q := &RunQueue{now: now, samples: []metrics.Sample{{Name: latencies}}}
	q.before = slices.Clone(q.read().Counts)
	return q
}

// read reads how long goroutines have waited, in a histogram that is overwritten by the next.
func (q *RunQueue) read() *metrics.Float64Histogram {
	metrics.Read(q.samples)
	return q.samples[0].Value.Float64Histogram()
}

// Delay is how long it was of late: since the look before, which is a tenth of a second ago or
// more.
func (q *RunQueue) Delay() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := q.now(); now.Sub(q.looked) >= limitWindow {
		q.looked = now
		q.look(q.read())
	}
	return q.delay
}

// look finds the delay in what has been added to the histogram.
func (q *RunQueue) look(h *metrics.Float64Histogram) {
	var all, seen uint64
	for i, n := range h.Counts {
		all += n - q.before[i]
	}
	q.delay = 0
	for i, n := range h.Counts {
		if seen < all && float64(seen) <= runQueueShare*float64(all) {
			q.delay = time.Duration(max(0, h.Buckets[i]) * float64(time.Second)) // the first begins at -Inf
		}
		seen += n - q.before[i]
		q.before[i] = n
	}
}
