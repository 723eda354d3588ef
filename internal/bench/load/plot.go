package load

import (
	"fmt"
	"io"
	"math"
	"strings"

	"sical-backend/internal/loadtest"
)

// quantiles are the shares at which latencies are plotted: the tail matters most.
var quantiles = []float64{.5, .75, .9, .95, .99, .995, .999, .9999, 1}

// plotWidth is the longest bar, in characters.
const plotWidth = 50

// plot draws a latency distribution for a terminal: a bar for each quantile, its length
// the logarithm of the latency, from 0.1 ms on.
func plot(out io.Writer, name string, h *loadtest.Histogram) error {
	if _, err := fmt.Fprintf(out, "%s, %s requests\n", name, thousands(float64(h.Count()))); err != nil {
		return err
	}
	scale := plotWidth / max(decades(h.Max().Seconds()), 1)
	for _, q := range quantiles {
		latency := h.Quantile(q)
		eighths := int(8 * scale * decades(latency.Seconds()))
		bar := strings.Repeat("█", eighths/8)
		if rest := eighths % 8; rest > 0 {
			bar += string(rune('█' + 8 - rest)) // the block elements from a full eighth to one
		}
		if _, err := fmt.Fprintf(out, "%9s %%  %9.2f ms  %s\n", percent(q), ms(latency), bar); err != nil {
			return err
		}
	}
	return nil
}

// decades is how many powers of ten a latency in seconds is above 0.1 ms.
func decades(seconds float64) float64 { return max(math.Log10(seconds/1e-4), 0) }

// percent writes a share with as many digits as it needs.
func percent(q float64) string { return fmt.Sprintf("%.4g", 100*q) }
