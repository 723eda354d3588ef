package heap

import (
	"bytes"
	"math"
	"os"
	"strconv"
	"time"
)

const (
	// apart is how far apart collections are at least, or the target gives way: one of a
	// hundred megabytes takes a tenth of a second of processor time, and whoever allocates
	// meanwhile helps.
	apart = 500 * time.Millisecond
	// step is by how much it gives way after each at the most: a process that begins to be
	// overloaded holds a hundred megabytes more within a second, and would collect for most of it.
	// back is by how much it comes: an idle process soon has one that came late, and is not held
	// up for it when it has to do again.
	step, back = 48 << 20, 4 << 20
	// near is how near what is taken has to be to the limit for a collection to be its doing.
	near = 32 << 20
)

// target is what the process keeps to.
type target struct {
	bytes int64     // resident; 0 for no matter
	more  int64     // by which it gives way just now
	last  time.Time // when garbage was collected
	had   int64     // bytes that had been allocated by then
}

// Keep holds what the process has resident to about so many bytes, what the system has
// mapped of its program included, as long as garbage is not collected more often
// than every 0.5 s for it. It is larger where more than the target is in use, or so
// much is allocated that it would stand still otherwise, and comes back afterwards. A
// lower limit stays that the runtime had before. It is called at most once, before
// anything fills the heap.
func Keep(bytes int64) {
	collector.mu.Lock()
	defer collector.mu.Unlock()
	collector.bytes = bytes
	begin()
}

// limit is what the runtime may take, which knows nothing of what is mapped.
func (t *target) limit() int64 {
	if t.bytes == 0 {
		return math.MaxInt64
	}
	return max(t.bytes+t.more-mapped(), 1)
}

// collected gives way, or comes back, after a collection in a process that has taken so
// much, and has allocated so much since it began: by half of what would have made it come apart
// after the one before, so that it settles there. It gives way no further than helps.
func (t *target) collected(now time.Time, taken, allocated int64) {
	since := max(now.Sub(t.last), time.Millisecond)
	more := float64(allocated-t.had) * float64(apart-since) / float64(since) / 2
	if more < 0 || t.limit() < taken+near {
		t.more = max(0, t.more+int64(min(max(more, -back), step)))
	}
	t.last, t.had = now, allocated
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
