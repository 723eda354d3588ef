package heap

import (
	"bytes"
	"math"
	"os"
	"runtime/metrics"
	"strconv"
	"time"
)

const (
	// dear is the share of all processor time from which on collecting garbage costs more
	// than the memory is worth. The runtime takes a quarter while it collects: from here
	// on it does so more than half of the time.
	dear = .15
	// weighed is how long what it costs is looked at, at least.
	weighed = 2 * time.Second
	// rest is for how long the process takes what it likes when it was dear.
	rest = time.Minute
)

// target is what the process keeps to, and what that costs.
type target struct {
	bytes   int64     // resident; 0 for no matter
	resting time.Time // until when the process takes what it likes
	since   time.Time // when what follows was read
	spent   cost
}

// Keep holds what the process has resident to about so many bytes, what the system has
// mapped of its program included. Where so little of that is garbage that collecting it
// would take a seventh of all processor time, the heap grows as it does without, for a
// minute: to be larger is better than to stand still. A lower limit stays that the
// runtime had before. It is called at most once, before anything fills the heap.
func Keep(bytes int64) {
	collector.mu.Lock()
	defer collector.mu.Unlock()
	collector.bytes = bytes
	begin()
}

// limit is what the runtime may take, which knows nothing of what is mapped.
func (t *target) limit(now time.Time) int64 {
	if t.bytes == 0 || now.Before(t.resting) {
		return math.MaxInt64
	}
	return max(t.bytes-mapped(), 1)
}

// weigh looks, after a collection, at what collecting has cost lately.
func (t *target) weigh(now time.Time) {
	if t.bytes == 0 || now.Sub(t.since) < weighed {
		return
	}
	spent := costs()
	collecting, all := spent.collecting-t.spent.collecting, spent.all-t.spent.all
	if !t.since.IsZero() && now.After(t.resting) && collecting > dear*all {
		t.resting = now.Add(rest)
	}
	t.since, t.spent = now, spent
}

// cost is processor time in seconds: of collecting garbage, but for what nobody else
// wanted, and all that there was.
type cost struct{ collecting, all float64 }

func costs() cost {
	samples := []metrics.Sample{
		{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}, {Name: "/cpu/classes/total:cpu-seconds"},
	}
	metrics.Read(samples)
	return cost{samples[0].Value.Float64() - samples[1].Value.Float64(), samples[2].Value.Float64()}
}

// mapped is how much of files the process has resident, such as its program; 0 where the
// system does not tell as Linux does (proc(5), statm).
func mapped() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 3 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(fields[2]), 10, 64)
	return pages * int64(os.Getpagesize())
}
