package cache

import (
	"container/heap"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sical-backend/events"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// closed is the floor of a view of which no answer is given from memory.
const closed = ^uint64(0)

// view is what this process knows of one view. The one goroutine of
// Positions.Run writes it; requests read the atomics.
type view struct {
	*projections.View
	place  uint8 // in Positions.views
	floors *floors
	// build is the one that is read. It is stored after the positions in it:
	// whoever reads it first never takes another build's for its own.
	build   atomic.Pointer[projections.Build]
	applied atomic.Uint64 // every event up to here is in the rows that a new snapshot sees
	shown   atomic.Uint64 // but on a server that lags: how far the last look found it to be
	// saved is of each shard, and not written to but replaced: a snapshot with a lower
	// checkpoint of one of them is of a database that fell back, or of a replica that lags.
	saved atomic.Pointer[[]uint64]
	floor atomic.Uint64 // the floor of everything read from the view
	heard atomic.Bool   // every shard was heard of lately

	shards []shard // of the build; only Positions.Run reads and writes it

	mu      sync.Mutex
	state   wire.ViewState
	waiters waiters
}

// shard is what is known of one shard of a build. What holds of the view is what
// holds of all of them.
type shard struct {
	incarnation    events.ID
	epoch          int64
	applied, saved uint64
	state          wire.ViewState
	noticed        time.Time // when the last notice came
	seen           time.Time // when a notice or a poll last told where it is
	stored         uint64    // its checkpoint where the database, which may lag, was asked last
	pending        []pending // notices that wait for the database, in the order they came
}

// owns tells whether a name is one of the view's: of a row, of a group, or its own. All begin
// with the view's, and no view's begins with another's.
func (v *view) owns(name string) bool { return strings.HasPrefix(name, v.Name) }

// stand is where the shards are: the position that all have applied, and what each
// has saved.
func (v *view) stand() (applied uint64, saved []uint64) {
	saved = make([]uint64, len(v.shards))
	for i, s := range v.shards {
		if i == 0 || s.applied < applied {
			applied = s.applied
		}
		saved[i] = s.saved
	}
	return applied, saved
}

// silent tells whether one of the shards has not been heard of for longer than most.
func (v *view) silent(now time.Time, most time.Duration, heard func(*shard) time.Time) bool {
	for i := range v.shards {
		if now.Sub(heard(&v.shards[i])) > most {
			return true
		}
	}
	return len(v.shards) == 0
}

// settle makes known where the shards are, and wakes who waits for that. The floors must
// have been raised before: whoever reads applied and then a floor, or saved, never sees a
// new applied position with an old one of these.
func (v *view) settle() {
	applied, saved := v.stand()
	v.saved.Store(&saved)
	raise(&v.applied, applied)
	v.wake()
}

// move makes the shards' positions the view's, be they lower or higher.
func (v *view) move() {
	applied, saved := v.stand()
	v.applied.Store(applied)
	v.saved.Store(&saved)
}

func (v *view) wake() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state = wire.ViewLive
	for _, s := range v.shards {
		if s.state != wire.ViewLive {
			v.state = s.state
		}
	}
	for len(v.waiters) > 0 && v.waiters[0].position <= v.applied.Load() {
		heap.Pop(&v.waiters).(*waiter).end(nil)
	}
	if v.state == wire.ViewLive {
		return
	}
	for _, w := range v.waiters {
		w.end(&StoppedError{v.Name, v.state})
	}
	v.waiters = nil
}

// leave takes a waiter out who waits no longer.
func (v *view) leave(w *waiter) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if w.index < len(v.waiters) && v.waiters[w.index] == w {
		heap.Remove(&v.waiters, w.index)
	}
}

// waiter waits for one position of one view.
type waiter struct {
	position uint64
	ends     time.Time  // its patience
	index    int        // in the heap of its view
	place    int        // in that of the deadlines
	done     chan error // with room for the one answer
}

func newWaiter(position uint64, ends time.Time) *waiter {
	return &waiter{position: position, ends: ends, done: make(chan error, 1)}
}

// end answers the waiter, unless somebody has.
func (w *waiter) end(err error) {
	select {
	case w.done <- err:
	default:
	}
}

// waiters is a heap, the lowest position first.
type waiters []*waiter

func (w waiters) Len() int           { return len(w) }
func (w waiters) Less(i, j int) bool { return w[i].position < w[j].position }
func (w waiters) Swap(i, j int)      { w[i], w[j] = w[j], w[i]; w[i].index, w[j].index = i, j }
func (w *waiters) Push(x any)        { x.(*waiter).index = len(*w); *w = append(*w, x.(*waiter)) }
func (w *waiters) Pop() any {
	old := *w
	last := old[len(old)-1]
	old[len(old)-1], *w = nil, old[:len(old)-1]
	return last
}
