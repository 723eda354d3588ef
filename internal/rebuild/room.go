package rebuild

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// room is how the collector is told what a fill may take: while one is at work, it has
// a limit that follows from what the process needed before, and below that it is lazy,
// as most of what there is are rows that stay.
var room struct {
	mu      sync.Mutex
	fills   int   // at work
	before  int64 // the limit without them
	percent int   // of growth, without them
}

// lazy is at what growth of the heap garbage is collected during a fill, in percent.
const lazy = 300

// beside is what a process may grow by beside the rows of a fill: what the fill is
// at just now, and what others do meanwhile.
const beside = 96 << 20

// narrow bounds the memory of the process for as long as a fill takes with rows of so
// many bytes. A lower limit that somebody else has set stays.
func narrow(rows int64) (widen func()) {
	room.mu.Lock()
	defer room.mu.Unlock()
	if room.fills++; room.fills == 1 {
		room.before = debug.SetMemoryLimit(-1)
		debug.SetMemoryLimit(min(room.before, needed()+2*rows+beside))
		room.percent = debug.SetGCPercent(lazy)
	}
	return sync.OnceFunc(func() {
		room.mu.Lock()
		defer room.mu.Unlock()
		if room.fills--; room.fills == 0 {
			debug.SetGCPercent(room.percent)
			debug.SetMemoryLimit(room.before)
		}
	})
}

// needed is what the process takes without garbage.
func needed() int64 {
	now := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/metadata/mspan/inuse:bytes"}, {Name: "/memory/classes/metadata/other:bytes"},
		{Name: "/memory/classes/other:bytes"},
	}
	metrics.Read(now)
	sum := uint64(0)
	for _, m := range now {
		if m.Value.Kind() == metrics.KindUint64 {
			sum += m.Value.Uint64()
		}
	}
	return int64(min(sum, math.MaxInt64/2))
}
