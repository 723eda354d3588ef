// Package heap decides when a process collects its garbage: by the runtime's rule while
// the heap is large, later while it is small, within a limit while something fills it,
// and at once where there is nothing else to do. It is the one place that steers the
// collector, as each step of it undoes another's.
package heap

import (
	"context"
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

// lazy is at what growth of the heap garbage is collected during a fill, in percent:
// most of what there is then are rows that stay.
const lazy = 300

// collector is how the process's garbage is collected.
var collector = struct {
	mu     sync.Mutex
	fixed  int   // percent of growth that was asked for; 0 where it follows from the heap
	set    int   // percent of growth in force
	fills  int   // at work
	before int64 // the limit without them
}{fixed: 100, set: 100}

// Grow lets the heap grow by so many percent before garbage is collected, as GOGC does; 0
// lets one of less than 96 MiB grow by that much, and a larger one by its own size. It is
// called once, before anything fills the heap.
func Grow(percent int) {
	collector.mu.Lock()
	collector.fixed = percent
	steer()
	collector.mu.Unlock()
	if percent == 0 {
		follow(new(sentinel))
	}
}

// sentinel is nothing but garbage of a size that the runtime does not lump together.
type sentinel [32]byte

// follow steers anew after each collection, when the runtime runs the finalizer of what
// was garbage by then.
func follow(s *sentinel) {
	runtime.SetFinalizer(s, func(s *sentinel) {
		collector.mu.Lock()
		steer()
		collector.mu.Unlock()
		follow(s)
	})
}

// steer sets by how much the heap may grow now. The lock is held.
func steer() {
	percent := collector.fixed
	if percent == 0 {
		live := read("/gc/heap/live:bytes")
		percent = int(max(100, min(100*growth/max(live, 1), 1000)))
	}
	if collector.fills > 0 {
		percent = max(percent, lazy)
	}
	if percent < collector.set*9/10 || percent > collector.set*11/10 {
		debug.SetGCPercent(percent)
		collector.set = percent
	}
}

// beside is what a process may grow by beside the rows of a fill: what the fill is
// at just now, and what others do meanwhile.
const beside = 96 << 20

// Fill bounds the memory of the process until done is called, for work that keeps about
// so many bytes at a time. A lower limit that somebody else has set stays. Of several at
// the same time the first one's bound holds.
func Fill(bytes int64) (done func()) {
	collector.mu.Lock()
	defer collector.mu.Unlock()
	if collector.fills++; collector.fills == 1 {
		runtime.GC() // what the fill before has left is not needed
		collector.before = debug.SetMemoryLimit(-1)
		debug.SetMemoryLimit(min(collector.before, needed()+2*bytes+beside))
		steer()
	}
	return sync.OnceFunc(func() {
		collector.mu.Lock()
		defer collector.mu.Unlock()
		if collector.fills--; collector.fills == 0 {
			debug.FreeOSMemory()
			steer()
			debug.SetMemoryLimit(collector.before)
		}
	})
}

// needed is what the process takes without garbage.
func needed() int64 {
	return int64(read("/gc/heap/live:bytes") + read("/memory/classes/heap/stacks:bytes") +
		read("/memory/classes/metadata/mspan/inuse:bytes") + read("/memory/classes/metadata/other:bytes") + read("/memory/classes/other:bytes"))
}

func read(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	if metrics.Read(sample); sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}

// idle is for how long no garbage was collected in a process that has little to do.
const idle = 30 * time.Second

// GiveBack returns memory to the system until ctx ends: what the start took, and what an
// idle process has gathered since. A heap that may grow so far is otherwise collected
// every two minutes, and keeps what it had.
func GiveBack(ctx context.Context) error {
	tick := time.NewTicker(idle)
	defer tick.Stop()
	const cycles = "/gc/cycles/automatic:gc-cycles"
	for before := read(cycles); ; {
		now := read(cycles)
		if now == before {
			debug.FreeOSMemory()
		}
		before = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
