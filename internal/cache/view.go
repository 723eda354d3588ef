package cache

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"

	"sical-backend/events"
)

// view is what this process knows of one view. The one goroutine of
// Positions.Run writes it; requests read the atomics.
type view struct {
	View
	applied atomic.Uint64 // every event up to here is in the rows that a new snapshot sees
	saved   atomic.Uint64 // a snapshot whose checkpoint is lower than this is of a database that fell back
	floor   atomic.Uint64 // the floor of everything read from the view
	heard   atomic.Bool   // the chain of notices is whole and its last link young

	// Only Positions.Run reads and writes these.
	incarnation events.ID
	epoch       int64
	noticed     time.Time // when the last notice came
	seen        time.Time // when a notice or a poll last told where the view is

	mu      sync.Mutex
	state   State
	waiters waiters
}

// advance tells the waiters. The floors must have been raised before: whoever
// reads applied and then a floor, or saved, never sees the one without the other.
func (v *view) advance(applied, saved uint64, state State) {
	raise(&v.saved, saved)
	raise(&v.applied, applied)
	v.wake(state)
}

// fallBack sets the view to a position lower than it was known at.
func (v *view) fallBack(position uint64, state State) {
	v.applied.Store(position)
	v.saved.Store(position)
	v.floor.Store(0)
	v.wake(state)
}

func (v *view) wake(state State) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state = state
	for len(v.waiters) > 0 && v.waiters[0].position <= v.applied.Load() {
		heap.Pop(&v.waiters).(*waiter).done <- nil
	}
	if state == Live {
		return
	}
	for _, w := range v.waiters {
		w.done <- &StoppedError{v.Name, state}
	}
	v.waiters = nil
}

// waiter waits for one position of one view.
type waiter struct {
	position uint64
	index    int        // in the heap
	done     chan error // with room for the one answer
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
