package web

import (
	"errors"
	"os"
	"sync"
	"time"
)

// deadline is that of a connection's reads, or of its writes. net/http moves each several
// times a request, nearly always before it could pass, and every time the runtime sorts
// its timers anew: 8 % of the processor time of a handler that does nothing else. Here it
// hears only what it must. An earlier deadline than the one asked for may stay in force: a
// call that it cuts short is made again.
type deadline struct {
	set func(time.Time) error // of the connection below

	mu       sync.Mutex
	asked    time.Time // for, by the caller; zero for none
	inForce  time.Time // below
	underWay bool      // a call that may be waiting
	halted   bool      // no call may wait
}

// glance is for how long a call waits at most before it looks what is asked for now.
// Nothing shorter follows a wait in net/http, so it is not moved for a request.
const glance = 5 * time.Second

// move asks for a deadline. A call that is waiting hears of an earlier one at once.
func (d *deadline) move(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = t
	if d.underWay && d.late() {
		return d.enforce(t)
	}
	return nil
}

// do makes a call that fails with os.ErrDeadlineExceeded once the deadline in force has
// passed, again for as long as that is not the one asked for.
func (d *deadline) do(call func() error) error {
	err := d.begin()
	for err == nil {
		err = call()
		if !d.early(err) {
			return err
		}
		err = d.begin()
	}
	return err
}

// endless tells whether no deadline is asked for.
func (d *deadline) endless() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked.IsZero()
}

// interrupt ends the call that is under way, or about to be, and waits until done is closed.
// What is asked for meanwhile holds afterwards.
func (d *deadline) interrupt(done <-chan struct{}) {
	d.halt(true)
	<-done
	d.halt(false)
}

func (d *deadline) halt(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.halted = on; on && d.underWay {
		_ = d.enforce(longAgo) // it fails for a connection that is closed, whose calls end anyway
	}
}

// longAgo ends a call at once.
var longAgo = time.Unix(1, 0)

// begin sees to it that a call does not wait beyond the deadline.
func (d *deadline) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.halted {
		return os.ErrDeadlineExceeded
	}
	if d.late() {
		now := time.Now()
		if !now.Before(d.asked) {
			return os.ErrDeadlineExceeded
		}
		if err := d.enforce(d.next(now)); err != nil {
			return err
		}
	}
	d.underWay = true
	return nil
}

// early ends a call: was it cut short before it was to be?
func (d *deadline) early(err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.underWay = false
	if d.halted || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	now := time.Now()
	if !d.asked.IsZero() && !now.Before(d.asked) {
		return false
	}
	return d.enforce(d.next(now)) == nil
}

// late tells whether a call would wait for longer than was asked.
func (d *deadline) late() bool {
	return !d.asked.IsZero() && (d.inForce.IsZero() || d.asked.Before(d.inForce))
}

func (d *deadline) next(now time.Time) time.Time {
	if soon := now.Add(glance); soon.Before(d.asked) {
		return soon
	}
	return d.asked
}

func (d *deadline) enforce(t time.Time) error {
	d.inForce = t
	return d.set(t)
}
