package heap

import (
	"context"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain begins where every process does that has neither GOGC nor GOMEMLIMIT.
func TestMain(m *testing.M) {
	debug.SetGCPercent(100)
	debug.SetMemoryLimit(math.MaxInt64)
	os.Exit(m.Run())
}

// inForce is what the runtime heeds.
func inForce() (percent int, limit int64) {
	percent = debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	return percent, debug.SetMemoryLimit(-1)
}

// A fill is bounded, and what was in force before follows from the heap of after it: a
// small heap may grow by many times its size, one that a fill has left large may not.
func TestFillLeavesTheCollectorAsTheHeapWantsIt(t *testing.T) {
	runtime.GC() // of what other tests have left
	Grow(0)
	percent, limit := inForce()
	require.Greater(t, percent, lazy, "a small heap")
	require.EqualValues(t, math.MaxInt64, limit)

	done := Fill(64 << 20)
	_, within := inForce()
	require.Less(t, within, int64(1<<30))
	second := Fill(1 << 20)
	kept := make([]byte, 256<<20)
	second()
	second()
	_, still := inForce()
	require.Equal(t, within, still, "the first is at work")
	done()
	percent, limit = inForce()
	require.Equal(t, 100, percent, "a large heap")
	require.EqualValues(t, math.MaxInt64, limit)
	runtime.KeepAlive(kept)

	kept = nil
	runtime.GC()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := read("/gc/cycles/total:gc-cycles")
	require.NoError(t, GiveBack(ctx))
	require.Greater(t, read("/gc/cycles/total:gc-cycles"), before, "an idle process collects")
}
