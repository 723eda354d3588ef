package heap

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// node is something that marking has to follow.
type node struct {
	next *node
	_    [6]uint64
}

// chain is so many bytes of nodes.
func chain(bytes int) (first *node) {
	for range bytes / 56 {
		first = &node{next: first}
	}
	return first
}

// keepTo starts the collector afresh with a target, and ends with none.
func keepTo(t *testing.T, bytes int64) {
	t.Cleanup(func() {
		collector.mu.Lock()
		defer collector.mu.Unlock()
		collector.target = target{}
		steer()
	})
	debug.FreeOSMemory()
	Grow(0)
	Keep(bytes)
}

const cycles = "/gc/cycles/automatic:gc-cycles"

// The heap grows to where the whole process is as large as its target, and to the bound
// of a fill while there is one.
func TestTheTargetIsKept(t *testing.T) {
	require.Positive(t, mapped())
	const aim = 112 << 20
	kept := make([]byte, 48<<20)
	Grow(0)
	runtime.GC()
	require.Greater(t, read("/gc/heap/goal:bytes"), uint64(aim), "how far it grows by itself")
	keepTo(t, aim)
	require.Less(t, read("/gc/heap/goal:bytes"), uint64(aim-mapped()))
	_, limit := inForce()
	require.InDelta(t, aim-mapped(), limit, 2*coarse)

	done := Fill(256 << 20)
	_, limit = inForce()
	require.Greater(t, limit, int64(2*256<<20))
	done()
	_, limit = inForce()
	require.InDelta(t, aim-mapped(), limit, 2*coarse)
	runtime.KeepAlive(kept)
}

// A process that needs more than its target is not held to it, for a while.
func TestATargetThatIsTooDearRests(t *testing.T) {
	kept := chain(192 << 20)
	keepTo(t, 96<<20)
	_, limit := inForce()
	require.Less(t, limit, int64(96<<20))
	for end := time.Now().Add(time.Minute); limit != math.MaxInt64; _, limit = inForce() {
		require.True(t, time.Now().Before(end), "it collects without a pause")
		_ = chain(1 << 20)
	}
	before := read(cycles)
	for range 64 {
		_ = chain(1 << 20)
	}
	require.Less(t, read(cycles)-before, uint64(4))

	collector.mu.Lock()
	collector.resting = time.Now() // the minute is over
	steer()
	collector.mu.Unlock()
	require.Less(t, debug.SetMemoryLimit(-1), int64(96<<20))
	runtime.KeepAlive(kept)
}
