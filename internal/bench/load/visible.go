package load

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"sical-backend/internal/loadtest"
)

// VisibleRates are how many commands a second are made, each in runs of its own.
func VisibleRates() []int { return []int{200, 1000} }

// Seen is one run: how long commands took to be answered, and until what they did
// could be read, both from when the command was due.
type Seen struct {
	Rate    int    `json:"rate"`
	Command Sample `json:"command"`
	Visible Sample `json:"visible"`
}

// Both are what a run has timed, in the order in which it comes.
func (s Seen) Both() []Sample { return []Sample{s.Command, s.Visible} }

// Visible makes goals at a fixed rate, as many a second, and reads each at the position
// its answer told.
func (c *Crowd) Visible(ctx context.Context, rate, connections int, d time.Duration) (Seen, error) {
	if err := c.renew(); err != nil {
		return Seen{}, err
	}
	var answered loadtest.Histogram
	work := func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
		p := c.person(conn)
		id, a, err := p.CreateGoal(ctx, conn, u)
		answered.Record(time.Since(u.Due))
		if err != nil {
			return err
		}
		return p.readAsOf(ctx, conn, "/v1/goals/"+id, a)
	}
	r, err := loadtest.Load{URL: c.URL, Connections: connections, Rate: rate, Duration: d, Work: work}.Run(ctx)
	if err != nil {
		return Seen{}, err
	}
	line := func(name string, h *loadtest.Histogram) Sample {
		return Sample{
			Name: name, PerSecond: r.PerSecond(), Failed: float64(r.Failed) / float64(r.Units),
			P50: ms(h.Quantile(.5)), P95: ms(h.Quantile(.95)), P99: ms(h.Quantile(.99)), latency: h,
		}
	}
	return Seen{rate, line("answered", &answered), line("visible", r.Latency)}, nil
}

// visible plays all rates in turn, and returns the median of the runs of each.
func (p *Plan) visible(ctx context.Context, people *Crowd) ([]Seen, error) {
	command, visible := map[int][]Sample{}, map[int][]Sample{}
	for round := range p.Rounds {
		for _, rate := range VisibleRates() {
			s, err := people.Visible(ctx, rate, p.Connections, p.Length)
			if err != nil {
				return nil, err
			}
			command[rate], visible[rate] = append(command[rate], s.Command), append(visible[rate], s.Visible)
		}
		p.Logger.Info("command to visible measured", "round", round+1, "of", p.Rounds)
	}
	var medians []Seen
	for _, rate := range VisibleRates() {
		medians = append(medians, Seen{rate, Median(command[rate]), Median(visible[rate])})
	}
	return medians, nil
}

func printVisible(out io.Writer, list []Seen) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "commands/s\tuntil\tp50 ms\tp95 ms\tp99 ms\tfailed\t")
	for _, m := range list {
		for _, s := range m.Both() {
			fmt.Fprintf(w, "%d\t%s\t%.2f\t%.2f\t%.2f\t%.2f %%\t\n", m.Rate, s.Name, s.P50, s.P95, s.P99, 100*s.Failed)
		}
	}
	return w.Flush()
}
