package main

import (
	"cmp"
	"log/slog"
	"os"
	"runtime/debug"

	// automemlimit: reads the container's limit, of cgroup v1 and v2; MIT, kept.
	"github.com/KimMachineGun/automemlimit/memlimit"

	"sical-backend/internal/heap"
)

// Limits is what the process may take.
type Limits struct {
	MemoryShare  float64 `help:"Share of the container's memory at which the garbage collector tries hard, for roles alone; serve leaves half to its private Postgres. GOMEMLIMIT, where set, holds instead." default:"0.9"`
	MemoryTarget int64   `help:"Bytes resident that the process keeps to by collecting garbage sooner, up to every 0.5 s. 0 for 240 MiB, or 176 MiB and --cache-bytes where that is more; less than 0, or GOMEMLIMIT, for none." default:"0"`
	GCPercent    int     `name:"gc-percent" help:"Growth of the heap at which garbage is collected, in percent; more costs memory and saves CPU. 0 for GOGC, or 100 and at least 96 MiB." default:"0"`
}

const (
	usualCache = 64 << 20
	// besideCache is what a process keeps to beside its cache: about what serve needs with
	// a thousand connections at a thousand requests a second, its program included.
	besideCache = 176 << 20
)

// privateShare is what a process takes that has a Postgres of its own beside it.
const privateShare = .5

// share is the part of the container's memory that the process takes.
func (c *Config) share() float64 {
	if c.PostgresURL == "" {
		return min(c.MemoryShare, privateShare)
	}
	return c.MemoryShare
}

// limit sets what the runtime heeds. The number of threads follows the container's CPU
// limit by itself.
func (c *Config) limit(logger *slog.Logger) {
	if _, err := memlimit.Set(memlimit.WithRatio(c.share())); err != nil {
		logger.Debug("no memory limit is known", "error", err)
	}
	growth := c.GCPercent
	if growth == 0 && os.Getenv("GOGC") != "" {
		growth = debug.SetGCPercent(100) // which tells what the variable says
	}
	heap.Grow(growth)
	if c.MemoryTarget >= 0 && os.Getenv("GOMEMLIMIT") == "" {
		heap.Keep(cmp.Or(c.MemoryTarget, besideCache+max(c.CacheBytes, usualCache)))
	}
}
