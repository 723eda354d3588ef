package heap

import (
	"runtime"
	"runtime/debug"
	"sync"
)

// lazy is at what growth of the heap garbage is collected during a fill, in percent:
// most of what there is then are rows that stay.
const lazy = 300

// beside is what a process may grow by beside the rows of a fill: what the fill is
// at just now, and what others do meanwhile.
const beside = 96 << 20

// Fill bounds the memory of the process until done is called, for work that keeps about
// so many bytes at a time, in place of what it keeps to otherwise. A lower limit that
// somebody else has set stays. Of several at the same time the first one's bound holds.
func Fill(bytes int64) (done func()) {
	collector.mu.Lock()
	defer collector.mu.Unlock()
	if collector.fills++; collector.fills == 1 {
		runtime.GC() // what the fill before has left is not needed
		collector.bound = needed() + 2*bytes + beside
		steer()
	}
	return sync.OnceFunc(func() {
		collector.mu.Lock()
		defer collector.mu.Unlock()
		if collector.fills--; collector.fills == 0 {
			debug.FreeOSMemory()
			steer()
		}
	})
}

// needed is what the process takes without garbage.
func needed() int64 {
	return int64(read("/gc/heap/live:bytes") + read("/memory/classes/heap/stacks:bytes") +
		read("/memory/classes/metadata/mspan/inuse:bytes") + read("/memory/classes/metadata/other:bytes") + read("/memory/classes/other:bytes"))
}
