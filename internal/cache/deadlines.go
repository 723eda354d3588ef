package cache

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// deadlines end waits whose patience is over: all of them by one timer, which is set
// to the first.
type deadlines struct {
	mu     sync.Mutex
	ending ending
	timer  *time.Timer // nil before the first wait
}

func (d *deadlines) add(w *waiter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	heap.Push(&d.ending, w)
	if w.place == 0 {
		d.set()
	}
}

// remove leaves the timer as it is: it may go off for nobody, which costs less than setting
// it anew for each waiter that leaves.
func (d *deadlines) remove(w *waiter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w.place < len(d.ending) && d.ending[w.place] == w {
		heap.Remove(&d.ending, w.place)
	}
}

// set sets the timer to the first deadline. The lock is held.
func (d *deadlines) set() {
	if len(d.ending) == 0 {
		return
	}
	left := time.Until(d.ending[0].ends)
	if d.timer == nil {
		d.timer = time.AfterFunc(left, d.expire)
		return
	}
	d.timer.Reset(left)
}

// expire ends the waits that have lasted long enough.
func (d *deadlines) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for len(d.ending) > 0 && !d.ending[0].ends.After(now) {
		heap.Pop(&d.ending).(*waiter).end(context.DeadlineExceeded)
	}
	d.set()
}

// ending is a heap of waiters, the first deadline first.
type ending []*waiter

func (e ending) Len() int           { return len(e) }
func (e ending) Less(i, j int) bool { return e[i].ends.Before(e[j].ends) }
func (e ending) Swap(i, j int)      { e[i], e[j] = e[j], e[i]; e[i].place, e[j].place = i, j }
func (e *ending) Push(x any)        { x.(*waiter).place = len(*e); *e = append(*e, x.(*waiter)) }
func (e *ending) Pop() any {
	old := *e
	last := old[len(old)-1]
	old[len(old)-1], *e = nil, old[:len(old)-1]
	return last
}
