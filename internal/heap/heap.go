// Package heap decides when a process collects its garbage: by the runtime's rule while
// the heap is large, later while it is small, sooner where the process would take more
// than it is to keep to, within a limit of its own while something fills it, and at once
// where there is nothing else to do. It is the one place that steers the collector, as
// each step of it undoes another's. It also gives back pages of the program that only the
// start needed.
package heap

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// growth is by how much the heap may grow at least before garbage is collected. A
// process at work holds some 30 MB and makes ten times that of garbage in a second: by
// the runtime's own rule it would collect eight times a second.
const growth = 96 << 20

// collector is how the process's garbage is collected.
var collector = struct {
	mu      sync.Mutex
	follows bool  // steer is called after each collection
	fixed   int   // percent of growth that was asked for; 0 where it follows from the heap
	percent int   // of growth in force
	outer   int64 // the limit that somebody else has set
	limit   int64 // in force
	target        // what the process keeps to
	fills   int   // at work
	bound   int64 // the limit while they are
}{fixed: 100, percent: 100, outer: math.MaxInt64, limit: math.MaxInt64}

// Grow lets the heap grow by so many percent before garbage is collected, as GOGC does; 0
// lets one of less than 96 MiB grow by that much, and a larger one by its own size. It is
// called once, before anything fills the heap.
func Grow(percent int) {
	collector.mu.Lock()
	defer collector.mu.Unlock()
	collector.fixed = percent
	begin()
}

// begin steers for the first time. The lock is held.
func begin() {
	if !collector.follows {
		collector.follows = true
		collector.outer = debug.SetMemoryLimit(-1)
		collector.limit = collector.outer
		follow(new(sentinel))
	}
	steer()
}

// sentinel is nothing but garbage of a size that the runtime does not lump together.
type sentinel [32]byte

// follow steers anew after each collection, when the runtime runs the finalizer of what
// was garbage by then.
func follow(s *sentinel) {
	runtime.SetFinalizer(s, func(s *sentinel) {
		afterCollection(time.Now())
		follow(s)
	})
}

// afterCollection steers anew. Collections of a fill are by its own bound, and say
// nothing about the target.
func afterCollection(now time.Time) {
	collector.mu.Lock()
	defer collector.mu.Unlock()
	if collector.fills == 0 {
		collector.collected(now, taken(), int64(read("/gc/heap/allocs:bytes")))
	}
	steer()
}

// steer sets by how much the heap may grow now, and up to where. The lock is held.
func steer() {
	percent, limit := collector.fixed, collector.outer
	if percent == 0 {
		live := read("/gc/heap/live:bytes")
		percent = int(max(100, min(100*growth/max(live, 1), 1000)))
	}
	if collector.fills > 0 {
		percent, limit = max(percent, lazy), min(limit, collector.bound)
	} else {
		limit = min(limit, collector.target.limit())
	}
	if percent < collector.percent*9/10 || percent > collector.percent*11/10 {
		debug.SetGCPercent(percent)
		collector.percent = percent
	}
	if limit < collector.limit-coarse || limit > collector.limit+coarse {
		debug.SetMemoryLimit(limit)
		collector.limit = limit
	}
}

// taken is what the runtime has of the system and has not given back.
func taken() int64 {
	return int64(read("/memory/classes/total:bytes") - read("/memory/classes/heap/released:bytes"))
}

// coarse is by how much a limit has to differ to be set anew, which stops everything for
// a moment.
const coarse = 1 << 20

func read(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	if metrics.Read(sample); sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}

// idle is for how long no garbage was collected in a process that has little to do.
const idle = 30 * time.Second

// GiveBack returns memory to the system until ctx ends: what the start took, pages of the
// program included, and what an idle process has gathered since. A heap that may grow so far
// is otherwise collected every two minutes, and keeps what it had.
func GiveBack(ctx context.Context) error {
	tick := time.NewTicker(idle)
	defer tick.Stop()
	const cycles = "/gc/cycles/automatic:gc-cycles"
	for before := read(cycles); ; {
		now := read(cycles)
		if now == before {
			debug.FreeOSMemory()
			forgetProgram()
		}
		before = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
