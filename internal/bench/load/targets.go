package load

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// The seven targets that the design began with.
const (
	targetLatency = 200.  // milliseconds, API p95, less than
	targetQuery   = 50.   // milliseconds, database query p95, less than
	targetRate    = 1000. // requests a second, at least
	targetUsers   = 1000  // at the same time, at least
	targetMemory  = 512.  // MB, less than
	targetBusy    = .70   // of the processors, less than
	targetFailed  = .001  // of all requests, less than
)

// verdict is one target beside what was measured.
type verdict struct {
	Target   string `json:"target"`
	Limit    string `json:"limit"`
	Measured string `json:"measured"`
	Met      *bool  `json:"met,omitempty"` // nil where nothing was measured
}

// judge compares the medians of the parts with the targets: latency, memory and
// processors by the mixed load at a fixed rate, requests a second by the mixed load
// without one, users and errors by both.
func judge(medians []Sample, connections int) []verdict {
	fast, fixed := medians[len(medians)-2], medians[len(medians)-1]
	at := " at " + thousands(fixed.PerSecond) + "/s"
	failed := max(fast.Failed, fixed.Failed)
	return []verdict{
		verdictOf("API p95", "< 200 ms", fmt.Sprintf("%.1f ms", fixed.P95)+at, fixed.P95 < targetLatency, true),
		verdictOf("database query p95", "< 50 ms", fmt.Sprintf("at most %.1f ms", fixed.Query)+at, fixed.Query < targetQuery, fixed.Query > 0),
		verdictOf("requests a second", ">= 1,000", thousands(fast.PerSecond), fast.PerSecond >= targetRate, true),
		verdictOf("concurrent users", ">= 1,000", thousands(float64(connections)), failed < targetFailed, connections >= targetUsers),
		verdictOf("memory", "< 512 MB", fmt.Sprintf("%.0f MB", max(fast.Memory, fixed.Memory)), max(fast.Memory, fixed.Memory) < targetMemory, fixed.Memory > 0),
		verdictOf("processors", "< 70 %", fmt.Sprintf("%.0f %%", 100*fixed.Busy)+at, fixed.Busy < targetBusy, fixed.Busy > 0),
		verdictOf("errors", "< 0.1 %", fmt.Sprintf("%.3f %%", 100*failed), failed < targetFailed, true),
	}
}

func verdictOf(target, limit, measured string, met, known bool) verdict {
	if !known {
		return verdict{target, limit, "not measured", nil}
	}
	return verdict{target, limit, measured, &met}
}

// word says how the target stands.
func (v verdict) word() string {
	switch {
	case v.Met == nil:
		return "unknown"
	case *v.Met:
		return "met"
	}
	return "missed"
}

func printVerdicts(out io.Writer, list []verdict) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TARGET\tLIMIT\tMEASURED\t")
	for _, v := range list {
		word := v.word()
		if word == "missed" {
			word = "MISSED"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", v.Target, v.Limit, v.Measured, word)
	}
	return w.Flush()
}
