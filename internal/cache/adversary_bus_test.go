package cache

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"sical-backend/internal/wire"
)

// abreast is how many notices are under way to a process: readers shall meet changes, not
// a backlog.
const abreast = 16

// spell is after how many commits writers rest until as many questions were answered: where
// readers and writers share a processor, no answer would be of use for a second one otherwise.
const spell = 100

// bus carries the notices of the views' changes to every process.
type bus struct {
	truth      *truth
	unreliable bool
	order      sync.Mutex // of commits, and so of notices
	wires      []*line
	answered   atomic.Int64 // questions
}

func newBus(v *truth, unreliable bool, subjects []subject) *bus {
	b := &bus{truth: v, unreliable: unreliable}
	for i, s := range subjects {
		b.wires = append(b.wires, &line{
			bus: b, to: s, notices: make(chan wire.Notice, abreast), rand: rand.New(rand.NewPCG(5, uint64(i))),
		})
	}
	return b
}

// write is one of the writers: it changes the views and tells every process of it. Where
// the bus is unreliable, owners change now and then, and so do the builds that are read.
func (b *bus) write(r *rand.Rand, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		b.order.Lock()
		if b.unreliable && r.IntN(200) == 0 {
			b.truth.flip(r.IntN(len(b.truth.views)))
			b.send(wire.Notice{Flip: true})
		}
		if b.unreliable && r.IntN(20) == 0 {
			b.truth.pass(r.IntN(len(b.truth.views)))
		}
		b.send(b.truth.change(r))
		if b.truth.moved()%spell == 0 {
			b.rest(stop)
		}
		b.order.Unlock()
		runtime.Gosched()
	}
}

// rest waits for so many answers, or for the end.
func (b *bus) rest(stop <-chan struct{}) {
	for until := b.answered.Load() + spell; b.answered.Load() < until; runtime.Gosched() {
		select {
		case <-stop:
			return
		default:
		}
	}
}

func (b *bus) send(n wire.Notice) {
	for _, w := range b.wires {
		w.notices <- n
	}
}

// line is how a process hears: alone in what it touches, as Positions.Run is.
type line struct {
	bus     *bus
	to      subject
	notices chan wire.Notice
	rand    *rand.Rand
	late    []wire.Notice // to be delivered after others
	gone    int           // notices that will not come, as the connection is down
}

// listen delivers until the channel is closed.
func (w *line) listen() {
	for n := range w.notices {
		switch {
		case w.gone > 0:
			// Nothing comes; the database is asked now and then, and at the end: see
			// Positions.look.
			if w.gone--; w.gone == 0 || w.rand.IntN(20) == 0 {
				w.to.look(w.bus.truth)
			}
		case n.Flip:
			w.to.look(w.bus.truth)
		case w.bus.unreliable && w.rand.IntN(300) == 0:
			w.gone = w.rand.IntN(200)
		default:
			w.deliver(n)
		}
	}
}

// deliver hands a notice over; where the bus is unreliable, some are lost, some come late
// and some twice, to each process others.
func (w *line) deliver(n wire.Notice) {
	switch pick := w.rand.IntN(20); {
	case !w.bus.unreliable || pick < 15:
		w.to.hear(n)
	case pick == 15: // lost
	case pick == 16:
		w.to.hear(n)
		w.to.hear(n)
	default:
		w.late = append(w.late, n)
	}
	if len(w.late) > 3 {
		for _, i := range w.rand.Perm(len(w.late)) {
			w.to.hear(w.late[i])
		}
		w.late = nil
	}
}
