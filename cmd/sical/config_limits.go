package main

import (
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	// automemlimit: reads the container's limit, of cgroup v1 and v2; MIT, kept.
	"github.com/KimMachineGun/automemlimit/memlimit"
)

// Limits is what the process may take.
type Limits struct {
	MemoryShare float64 `help:"Share of the container's memory at which the garbage collector tries hard, for roles alone; serve leaves half to its private Postgres. GOMEMLIMIT, where set, holds instead." default:"0.9"`
	GCPercent   int     `name:"gc-percent" help:"Growth of the heap at which garbage is collected, in percent; more costs memory and saves CPU. 0 for GOGC, or 100 and at least 96 MiB." default:"0"`
}

// privateShare is what a process takes that has a Postgres of its own beside it.
const privateShare = .5

// limit sets what the runtime heeds. The number of threads follows the container's CPU
// limit by itself.
func (c *Config) limit(logger *slog.Logger) {
	if c.GCPercent > 0 {
		debug.SetGCPercent(c.GCPercent)
	} else if os.Getenv("GOGC") == "" {
		growAtLeast(heapGrowth)
	}
	share := c.MemoryShare
	if c.PostgresURL == "" {
		share = min(share, privateShare)
	}
	if _, err := memlimit.Set(memlimit.WithRatio(share)); err != nil {
		logger.Debug("no memory limit is known", "error", err)
	}
}

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
