package load

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"sical-backend/internal/loadtest"
)

// System is a system under load, and where its cost is seen: nowhere for one whose
// process is not known.
type System struct {
	URL, AdminURL string
	PID           int // 0 for one that is not known
}

// part is one kind of load, at a fixed rate or, for 0, as fast as answers come.
type part struct {
	name string
	rate int
	work loadtest.Work
}

// parts has the mixed ones, which the targets are judged by, at its end.
func parts(c *Crowd, rate int) []part {
	return []part{
		{"create goals", 0, c.Create}, {"read goals", 0, c.Read}, {"list goals", 0, c.list},
		{"mixed", 0, c.Mixed}, {"mixed, fixed rate", rate, c.Mixed},
	}
}

// Sample is what one part came to. Costs are 0 where they were not measured.
type Sample struct {
	Name        string  `json:"name"`
	PerSecond   float64 `json:"per_second"` // requests
	P50         float64 `json:"p50_ms"`
	P95         float64 `json:"p95_ms"`
	P99         float64 `json:"p99_ms"`
	Failed      float64 `json:"failed"`                // share of all
	CPU         float64 `json:"cpu_us,omitzero"`       // of sical, per request
	PostgresCPU float64 `json:"postgres_us,omitzero"`  // of its private Postgres, per request
	Busy        float64 `json:"busy,omitzero"`         // both, share of all cores
	Memory      float64 `json:"memory_mb,omitzero"`    // of sical, resident at the most
	Query       float64 `json:"query_p95_ms,omitzero"` // of the database, at most

	latency *loadtest.Histogram // of every request of all rounds
}

// columns are the figures of a sample.
func (s *Sample) columns() []*float64 {
	return []*float64{
		&s.PerSecond, &s.P50, &s.P95, &s.P99, &s.Failed, &s.CPU, &s.PostgresCPU, &s.Busy, &s.Memory, &s.Query,
	}
}

// Costs are the costs as tables show them: the processors' per request, how busy all of
// them were, and the memory.
func (s Sample) Costs() []string {
	return []string{known(s.CPU, ""), known(s.PostgresCPU, ""), s.Cores(), known(s.Memory, "")}
}

// Cores is how busy all processors were, as tables show it.
func (s Sample) Cores() string { return known(100*s.Busy, " %") }

// known is a cost with its unit, and a dash where it was not measured.
func known(v float64, unit string) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f%s", v, unit)
}

// Median has the median of each figure of at least one sample.
func Median(samples []Sample) Sample {
	m := Sample{Name: samples[0].Name, latency: &loadtest.Histogram{}}
	for _, s := range samples {
		m.latency.Merge(s.latency)
	}
	for i, into := range m.columns() {
		var values []float64
		for _, s := range samples {
			values = append(values, *s.columns()[i])
		}
		*into = loadtest.Median(values)
	}
	return m
}

// measure plays a part. What it leaves the projectors to do is waited for and counts
// among its cost.
func (sys *System) measure(ctx context.Context, c *Crowd, p part, connections int, d time.Duration) (Sample, error) {
	if err := c.renew(); err != nil {
		return Sample{}, err
	}
	before, err := sys.look(ctx)
	if err != nil {
		return Sample{}, err
	}
	most := sys.memory()
	r, err := loadtest.Load{URL: sys.URL, Connections: connections, Rate: p.rate, Duration: d, Work: p.work}.Run(ctx)
	if err == nil {
		err = c.Settle(ctx)
	}
	memory := most()
	if err != nil {
		return Sample{}, err
	}
	after, err := sys.look(ctx)
	if err != nil {
		return Sample{}, err
	}
	s := Sample{
		Name: p.name, PerSecond: r.PerSecond(), Failed: float64(r.Failed) / float64(r.Units),
		P50: ms(r.Latency.Quantile(.5)), P95: ms(r.Latency.Quantile(.95)), P99: ms(r.Latency.Quantile(.99)),
		latency: r.Latency, Memory: memory,
	}
	before.cost(&s, after, float64(r.Units))
	return s, nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// thousands is a figure with a comma before each three digits.
func thousands(v float64) string {
	text := fmt.Sprintf("%.0f", v)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func printParts(out io.Writer, list []Sample) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\trequests/s\tp50 ms\tp95 ms\tp99 ms\tfailed\tsical µs\tPostgres µs\tall cores\tMB\t")
	for _, s := range list {
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%.2f\t%.2f\t%.2f %%\t%s\t\n",
			s.Name, thousands(s.PerSecond), s.P50, s.P95, s.P99, 100*s.Failed, strings.Join(s.Costs(), "\t"))
	}
	return w.Flush()
}
