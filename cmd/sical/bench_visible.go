package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"sical-backend/internal/loadtest"
)

// visibleRates are how many commands a second are made, each in runs of its own.
func visibleRates() []int { return []int{200, 1000} }

// seen is one run: how long commands took to be answered, and until what they did
// could be read, both from when the command was due.
type seen struct {
	Rate    int    `json:"rate"`
	Command sample `json:"command"`
	Visible sample `json:"visible"`
}

// Both are what a run has timed, in the order in which it comes.
func (s seen) Both() []sample { return []sample{s.Command, s.Visible} }

// commandToVisible makes goals at a fixed rate and reads each at the position its
// answer told.
func commandToVisible(ctx context.Context, c *crowd, rate, connections int, d time.Duration) (seen, error) {
	if err := c.renew(); err != nil {
		return seen{}, err
	}
	var answered loadtest.Histogram
	work := func(ctx context.Context, conn *loadtest.Conn, u loadtest.Unit) error {
		p := c.person(conn)
		id, a, err := createGoal(ctx, conn, p, u)
		answered.Record(time.Since(u.Due))
		if err != nil {
			return err
		}
		return readAsOf(ctx, conn, p, "/v1/goals/"+id, a)
	}
	r, err := loadtest.Load{URL: c.url, Connections: connections, Rate: rate, Duration: d, Work: work}.Run(ctx)
	if err != nil {
		return seen{}, err
	}
	line := func(name string, h *loadtest.Histogram) sample {
		return sample{
			Name: name, PerSecond: r.PerSecond(), Failed: float64(r.Failed) / float64(r.Units),
			P50: ms(h.Quantile(.5)), P95: ms(h.Quantile(.95)), P99: ms(h.Quantile(.99)), latency: h,
		}
	}
	return seen{rate, line("answered", &answered), line("visible", r.Latency)}, nil
}

// visible plays all rates in turn, and returns the median of the runs of each.
func (b *Bench) visible(ctx context.Context, people *crowd, logger *slog.Logger) ([]seen, error) {
	command, visible := map[int][]sample{}, map[int][]sample{}
	for round := range b.Rounds {
		for _, rate := range visibleRates() {
			s, err := commandToVisible(ctx, people, rate, b.Connections, time.Duration(b.Seconds)*time.Second)
			if err != nil {
				return nil, err
			}
			command[rate], visible[rate] = append(command[rate], s.Command), append(visible[rate], s.Visible)
		}
		logger.Info("command to visible measured", "round", round+1, "of", b.Rounds)
	}
	var medians []seen
	for _, rate := range visibleRates() {
		medians = append(medians, seen{rate, median(command[rate]), median(visible[rate])})
	}
	return medians, nil
}

func printVisible(out io.Writer, list []seen) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "commands/s\tuntil\tp50 ms\tp95 ms\tp99 ms\tfailed\t")
	for _, m := range list {
		for _, s := range m.Both() {
			fmt.Fprintf(w, "%d\t%s\t%.2f\t%.2f\t%.2f\t%.2f %%\t\n", m.Rate, s.Name, s.P50, s.P95, s.P99, 100*s.Failed)
		}
	}
	return w.Flush()
}
