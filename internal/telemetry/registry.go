package telemetry

import (
	"os"
	"runtime"
	"runtime/metrics"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// NewRegistry makes a registry that already tells about the binary, the Go runtime
// and the process. Version and commit are of the binary.
func NewRegistry(version, commit string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gauges(r, "sical_build_info", "1; which binary this is.", "version", "commit", "go").
		WithLabelValues(version, commit, runtime.Version()).Set(1)
	ask(r, "goroutines_total", "Goroutines that exist.", func() float64 { return float64(runtime.NumGoroutine()) })
	ask(r, "memory_usage_bytes", "Memory that the Go runtime holds of the system, less what it gave back.", memory)
	ask(r, "sical_processors", "Processors that the process may use, by the container's limit or GOMAXPROCS.", func() float64 {
		return processors(os.DirFS("/sys/fs/cgroup"))
	})
	return r
}

// memory is what GOMEMLIMIT bounds (runtime/debug.SetMemoryLimit).
func memory() float64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return float64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}
