package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// heapGrowth is by how much the heap may grow at least before garbage is collected. A
// process at work holds some 30 MB and makes ten times that of garbage in a second: by
// the runtime's own rule it would collect eight times a second.
const heapGrowth = 96 << 20

// growAtLeast lets a heap of fewer bytes than those grow by them, and one of more by
// its own size. It sets that anew after each collection, when the runtime runs the
// finalizer of what was garbage by then; the memory limit holds in any case.
func growAtLeast(bytes uint64) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	set := 0
	var tune func(*sentinel)
	tune = func(last *sentinel) {
		metrics.Read(live)
		percent := int(max(100, min(100*bytes/max(live[0].Value.Uint64(), 1), 1000)))
		if percent < set*9/10 || percent > set*11/10 {
			debug.SetGCPercent(percent)
			set = percent
		}
		runtime.SetFinalizer(last, tune)
	}
	tune(new(sentinel))
}

// sentinel is nothing but garbage of a size that the runtime does not lump together.
type sentinel [32]byte

// idleFor is for how long no garbage was collected in a process that has little to do.
const idleFor = 30 * time.Second

// giveBack returns memory to the system that the start took, and what an idle process
// has gathered since: a heap that may grow so far is otherwise collected every two
// minutes, and keeps what it had.
func giveBack(ctx context.Context) error {
	tick := time.NewTicker(idleFor)
	defer tick.Stop()
	cycles := []metrics.Sample{{Name: "/gc/cycles/automatic:gc-cycles"}}
	metrics.Read(cycles)
	for before := cycles[0].Value.Uint64(); ; before = cycles[0].Value.Uint64() {
		if metrics.Read(cycles); cycles[0].Value.Uint64() == before {
			debug.FreeOSMemory()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
