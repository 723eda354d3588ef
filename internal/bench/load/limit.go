package load

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"sical-backend/internal/loadtest"
)

// ceiling is the highest rate that was found to hold, and every rate that was tried.
type ceiling struct {
	Rate  int    `json:"rate"` // requests a second with latency, errors and memory within the targets; 0 for none
	Lean  int    `json:"lean"` // the same with the processors within theirs, too; 0 also where nobody knows
	Tried []rung `json:"tried"`
}

// rung is one rate that was tried.
type rung struct {
	Rate  int    `json:"rate"`
	Held  bool   `json:"held"`
	Found Sample `json:"found"`
}

// Most is the highest rate that was tried.
func (c *ceiling) Most() (most int) {
	for _, r := range c.Tried {
		most = max(most, r.Rate)
	}
	return most
}

// halvings is how often the gap between what held and what did not is halved.
const halvings = 4

// climb looks for the highest rate of the mixed load at which the targets that the
// design began with hold.
func (p *Plan) climb(ctx context.Context, people *Crowd) (ceiling, error) {
	return search(p.Rate, func(rate int) (Sample, error) {
		p.Logger.Info("highest rate", "trying", rate)
		return p.System.measure(ctx, people, part{"mixed", rate, people.Mixed}, p.Connections, p.Length)
	})
}

// search tries rates from a first one on: by doubling while they hold, then by halving
// the gap between what held and what did not.
func search(first int, try func(rate int) (Sample, error)) (c ceiling, err error) {
	low, high := 0, 0
	for rate, halved := first, 0; halved <= halvings && rate > 0; {
		s, err := try(rate)
		if err != nil {
			return c, fmt.Errorf("at %d requests/s: %w", rate, err)
		}
		held := holds(s, rate)
		c.Tried = append(c.Tried, rung{rate, held, s})
		if held {
			low = rate
			if s.Busy > 0 && s.Busy < targetBusy {
				c.Lean = max(c.Lean, rate)
			}
		} else {
			high = rate
		}
		rate = min(2*low, loadtest.MaxRate)
		if high > 0 {
			rate = (low + high) / 2
			halved++
		} else if low == loadtest.MaxRate {
			break
		}
	}
	c.Rate = low
	return c, nil
}

// holds tells whether a rate was reached with latency, queries, memory and errors
// within the targets.
func holds(s Sample, rate int) bool {
	return s.PerSecond > .97*float64(rate) && s.P95 < targetLatency && s.Query < targetQuery &&
		s.Memory < targetMemory && s.Failed < targetFailed
}

func printCeiling(out io.Writer, c ceiling) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "tried/s\trequests/s\tp95 ms\tp99 ms\tfailed\tall cores\t\t")
	for _, r := range c.Tried {
		word := "held"
		if !r.Held {
			word = "did not hold"
		}
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%.2f\t%.2f %%\t%s\t%s\t\n", thousands(float64(r.Rate)), thousands(r.Found.PerSecond),
			r.Found.P95, r.Found.P99, 100*r.Found.Failed, r.Found.Cores(), word)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nThe targets held up to %s requests/s%s.\n", thousands(float64(c.Rate)), c.Leanly())
	return err
}

// Leanly is the end of a sentence about the highest rate: up to which one the processors
// held, too, where that was measured.
func (c *ceiling) Leanly() string {
	if !slices.ContainsFunc(c.Tried, func(r rung) bool { return r.Found.Busy > 0 }) {
		return ""
	}
	return ", with the processors' up to " + thousands(float64(c.Lean))
}
