package main

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Without a terminal what takes long says how far it is, a line for each tenth.
func TestShareIsToldWithoutATerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	show, clear := shareLines("verify goal", &out)
	for _, done := range []float64{0, 0.05, 0.1, 0.19, 0.35, 0.3, 0.39, 1} {
		show(done)
	}
	clear()
	require.Equal(t, "verify goal: 10 %\nverify goal: 30 %\nverify goal: 100 %\n", out.String())

	out.Reset()
	show, _ = shareLines("together", &out)
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() { show(float64(i+1) / 1000) })
	}
	all.Wait()
	require.Contains(t, out.String(), "together: 100 %\n")
	require.LessOrEqual(t, strings.Count(out.String(), "\n"), 10)
}
