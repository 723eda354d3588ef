package telemetry

import (
	"io/fs"
	"runtime"
	"strconv"
	"strings"
)

// processors is how many the process may use: GOMAXPROCS, or the container's limit where
// that is less, as Go rounds it up and takes it for 2 at least.
func processors(cgroup fs.FS) float64 {
	threads := float64(runtime.GOMAXPROCS(0))
	if limit, ok := cpuLimit(cgroup); ok {
		return min(limit, threads)
	}
	return threads
}

// cpuLimit is the limit of the control group that a container sees as its root, of
// version 2 (cpu.max) or 1 (cpu.cfs_quota_us); ok is false for none.
func cpuLimit(cgroup fs.FS) (limit float64, ok bool) {
	text, err := fs.ReadFile(cgroup, "cpu.max")
	if err != nil {
		quota, _ := fs.ReadFile(cgroup, "cpu/cpu.cfs_quota_us")
		period, _ := fs.ReadFile(cgroup, "cpu/cpu.cfs_period_us")
		text = []byte(string(quota) + " " + string(period))
	}
	parts := strings.Fields(string(text))
	if len(parts) != 2 {
		return 0, false
	}
	quota, err := strconv.ParseFloat(parts[0], 64) // "max", or -1, for none
	if err != nil || quota <= 0 {
		return 0, false
	}
	period, err := strconv.ParseFloat(parts[1], 64)
	if err != nil || period <= 0 {
		return 0, false
	}
	return quota / period, true
}
