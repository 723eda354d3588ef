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
	require.InDelta(t, aim-mapped(), limit, 8*coarse) // pages of the program come back meanwhile

	done := Fill(256 << 20)
	_, limit = inForce()
	require.Greater(t, limit, int64(2*256<<20))
	filled := make([]byte, aim)
	for range 10 {
		afterCollection(time.Now()) // much sooner than the target likes
	}
	runtime.KeepAlive(filled)
	done()
	_, limit = inForce()
	require.InDelta(t, aim-mapped(), limit, 8*coarse) // pages of the program come back meanwhile
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

	now, at, allocated := time.Now(), target{bytes: 1, more: step}, int64(0)
	for _, c := range []struct {
		after     time.Duration
		allocated int64
		more      int64
	}{
		{apart, 32 << 20, step}, {apart / 2, 8 << 20, step + 4<<20}, {apart * 2, 8 << 20, step + 2<<20}, {apart / 2, 1 << 30, 2*step + 2<<20},
		{time.Minute, 1 << 20, 2*step + 3<<19}, {time.Minute, 1 << 30, 2*step + 3<<19 - back}, {0, 1 << 30, 3*step + 3<<19 - back},
	} {
		at.last = now
		now = now.Add(c.after)
		allocated += c.allocated
		at.collected(now, math.MaxInt64-near, allocated)
		require.InDelta(t, c.more, at.more, 1<<15, c)
	}
	at = target{bytes: 1 << 30, last: now}
	at.collected(now, 1<<29, 1<<29)
	require.Zero(t, at.more, "there is room")
	at.more = 1
	at.collected(now.Add(time.Hour), 1<<29, 1<<30)
	require.Zero(t, at.more, "and room to come back")
}
