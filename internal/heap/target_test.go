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
	filled := make([]byte, aim)
	for range 10 {
		collected(time.Now()) // much sooner than the target likes
	}
	runtime.KeepAlive(filled)
	done()
	_, limit = inForce()
	require.InDelta(t, aim-mapped(), limit, 2*coarse)
	runtime.KeepAlive(kept)
}

// A process that needs more than its target is given as much more as keeps it from
// collecting all the time, and held to its target again when there is less to do.
func TestTheTargetGivesWay(t *testing.T) {
	kept := make([]byte, 128<<20) // which takes no time to mark
	keepTo(t, 64<<20)
	_, limit := inForce()
	require.Less(t, limit, int64(64<<20))
	for end := time.Now().Add(time.Minute); limit < 160<<20; _, limit = inForce() {
		require.True(t, time.Now().Before(end), "it collects without a pause")
		_ = chain(1 << 20)
	}
	runtime.KeepAlive(kept)

	now, at := time.Now(), target{bytes: 1, more: step}
	for _, c := range []struct {
		after time.Duration
		more  int64
	}{{apart, step}, {apart / 4, step + step*3/4}, {apart * 3 / 4, 2 * step}, {apart * 5 / 4, step + step*3/4}, {time.Minute, step * 3 / 4}, {time.Minute, 0}, {0, step}} {
		at.last = now
		now = now.Add(c.after)
		at.collected(now, math.MaxInt64-2*step)
		require.Equal(t, c.more, at.more, c.after)
	}
	at = target{bytes: 1 << 30, last: now}
	at.collected(now, 1<<29)
	require.Zero(t, at.more, "there is room")
	at.more = step
	at.collected(now.Add(time.Hour), 1<<29)
	require.Zero(t, at.more, "and room to come back")
}
