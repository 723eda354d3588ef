package testkit

import (
	"strings"
	"testing"
)

// AtMost tells whether a figure of a benchmark keeps to what is required of it, in a line of
// "LIMIT", of which .ci/bench makes a list. It does not fail the benchmark: a bad hour of the
// machine's is no fault of the program.
func AtMost(b *testing.B, what string, figure, limit float64) {
	b.Helper()
	judge(b, what, figure, "at most", limit, figure <= limit)
}

// AtLeast is AtMost for what must not be less.
func AtLeast(b *testing.B, what string, figure, limit float64) {
	b.Helper()
	judge(b, what, figure, "at least", limit, figure >= limit)
}

func judge(b *testing.B, what string, figure float64, required string, limit float64, met bool) {
	b.Helper()
	word := "met"
	if !met {
		word = "MISSED"
	}
	b.Logf("LIMIT %s: %s %.3g, %s %.6g: %s", strings.TrimPrefix(b.Name(), "Benchmark"), what, figure, required, limit, word)
}
