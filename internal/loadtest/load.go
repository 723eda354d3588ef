package loadtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// The most that one Load may ask for.
const (
	MaxConnections = 10_000  // all made before the first unit
	MaxRate        = 100_000 // units a second
	MaxUnits       = 10_000_000
	MaxDuration    = 10 * time.Minute
)

// Unit is one piece of work: its number, from 0, and when it was due. In a closed
// loop it is due when a connection is free for it.
type Unit struct {
	N   int
	Due time.Time
}

// Work does a unit over a connection: one request, or some that belong together. An
// error means that the unit has failed.
type Work func(ctx context.Context, c *Conn, u Unit) error

// Load says what to do to a server.
type Load struct {
	URL         string // http, on this machine
	Connections int
	Rate        int           // units a second; 0 for a closed loop
	Duration    time.Duration // during which units begin
	Units       int           // at most so many; 0 for MaxUnits
	Work        Work
}

// Result is what a Load came to.
type Result struct {
	Units   int64         // that were due
	Failed  int64         // of them, and those that no connection was free for
	Took    time.Duration // from the first to the end of the last
	Latency *Histogram    // of every unit, failed or not, from when it was due
	Err     error         // of the first that failed
}

// PerSecond is how many units succeeded in a second.
func (r *Result) PerSecond() float64 { return float64(r.Units-r.Failed) / r.Took.Seconds() }

// Run loads the server. It fails for a Load out of bounds, with ErrNotLocal for a
// server elsewhere, and when ctx ends; what fails at the server is in the Result.
func (l Load) Run(ctx context.Context) (*Result, error) {
	if err := l.bounded(); err != nil {
		return nil, err
	}
	first, err := Dial(ctx, l.URL)
	if err != nil {
		return nil, err
	}
	// Units still under way when the time is up have as long as any request.
	running, cancel := context.WithTimeout(ctx, l.Duration+patience)
	defer cancel()
	conns := make([]*Conn, l.Connections)
	for i := range conns {
		conns[i] = newConn(first.address, i)
		_ = conns[i].open(running) // else its first request tries again, and counts
	}
	r := &run{Load: l, begun: time.Now(), result: &Result{Latency: &Histogram{}}}
	next := r.closed(running)
	if l.Rate > 0 {
		next = r.open(running)
	}
	var working sync.WaitGroup
	for _, c := range conns {
		working.Go(func() {
			defer c.Close()
			for u, ok := next(); ok; u, ok = next() {
				r.finish(u, l.Work(running, c, u))
			}
		})
	}
	working.Wait()
	r.pacing.Wait()
	r.result.Took = time.Since(r.begun)
	return r.result, ctx.Err()
}

func (l Load) bounded() error {
	switch {
	case l.Connections < 1 || l.Connections > MaxConnections:
		return fmt.Errorf("%d connections: 1 to %d are possible", l.Connections, MaxConnections)
	case l.Rate < 0 || l.Rate > MaxRate:
		return fmt.Errorf("%d a second: 0 to %d are possible", l.Rate, MaxRate)
	case l.Duration <= 0 || l.Duration > MaxDuration:
		return fmt.Errorf("%v: up to %v are possible", l.Duration, MaxDuration)
	case l.Units < 0 || l.Units > MaxUnits:
		return fmt.Errorf("%d units: up to %d are possible", l.Units, MaxUnits)
	}
	return nil
}

// run is a Load under way.
type run struct {
	Load
	begun  time.Time
	pacing sync.WaitGroup
	mu     sync.Mutex // of result
	result *Result
}

func (r *run) most() int {
	if r.Units > 0 {
		return r.Units
	}
	return MaxUnits
}

// closed hands out units to whoever is free, until the time is up
// or ctx ends.
func (r *run) closed(ctx context.Context) func() (Unit, bool) {
	var handed atomic.Int64
	end := r.begun.Add(r.Duration)
	return func() (Unit, bool) {
		now := time.Now()
		n := int(handed.Add(1)) - 1
		return Unit{n, now}, n < r.most() && now.Before(end) && ctx.Err() == nil
	}
}

// errUnsent is how a unit fails that no connection was free for.
var errUnsent = errors.New("no connection was free before the end")

// open hands out each unit when it is due, or as soon after as a connection is free:
// when that is does not move any other unit's due time.
func (r *run) open(ctx context.Context) func() (Unit, bool) {
	units := make(chan Unit)
	r.pacing.Go(func() {
		defer close(units)
		for n := range min(int(int64(r.Rate)*int64(r.Duration)/int64(time.Second)), r.most()) {
			u := Unit{n, r.begun.Add(time.Duration(n) * time.Second / time.Duration(r.Rate))}
			sleep(ctx, time.Until(u.Due))
			select {
			case units <- u:
			case <-ctx.Done():
				r.finish(u, errUnsent)
			}
		}
	})
	return func() (Unit, bool) {
		u, ok := <-units
		return u, ok
	}
}

func (r *run) finish(u Unit, err error) {
	r.result.Latency.Record(time.Since(u.Due))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Units++
	if err != nil {
		r.result.Failed++
		if r.result.Err == nil {
			r.result.Err = err
		}
	}
}
