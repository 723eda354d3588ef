package main

import (
	"log/slog"
	"os"
	"runtime/debug"

	// automemlimit: reads the container's limit, of cgroup v1 and v2; MIT, kept.
	"github.com/KimMachineGun/automemlimit/memlimit"

	"sical-backend/internal/heap"
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
	growth := c.GCPercent
	if growth == 0 && os.Getenv("GOGC") != "" {
		growth = debug.SetGCPercent(100) // which tells what the variable says
	}
	heap.Grow(growth)
	share := c.MemoryShare
	if c.PostgresURL == "" {
		share = min(share, privateShare)
	}
	if _, err := memlimit.Set(memlimit.WithRatio(share)); err != nil {
		logger.Debug("no memory limit is known", "error", err)
	}
}
