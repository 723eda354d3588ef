// Package reconcile compares the log in Postgres with the stream that carries it,
// event by event where a digest tells that a range differs, and has the stream
// made anew where they do. Nobody is told of anything by that: it publishes on no
// subject, and what is sent again stands at the position it always had.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sical-backend/internal/bus"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/relay"
	"sical-backend/internal/wire"
)

// Meter is told of what was found. Its methods are safe to call at once.
type Meter interface {
	// Reconciled is called after each comparison, with the differences that are left.
	Reconciled(compared, differences int)
	// Repaired is called after the stream was made anew.
	Repaired()
	// Failed is called where no comparison was possible, or the stream was not made anew.
	Failed()
}

// Config is what a Reconciler works with.
type Config struct {
	Log    eventlog.Reader
	NATS   *nats.Conn
	Logger *slog.Logger
	Meter  Meter
	// Relay makes the stream anew; it must not be one that runs.
	Relay *relay.Relay
}

// Reconciler compares. It is safe for concurrent use.
type Reconciler struct {
	Config
	js jetstream.JetStream
	// repair is held while the stream is made anew.
	repair sync.Mutex
	// at is where the next round of Run begins.
	at uint64
}

// New makes a Reconciler; nothing happens by itself until Run.
func New(c Config) (*Reconciler, error) {
	js, err := jetstream.New(c.NATS)
	if err != nil {
		return nil, err
	}
	return &Reconciler{Config: c, js: js}, nil
}

// Request says what to compare.
type Request struct {
	// From and To bound the positions, both included; 0 for what the stream retains.
	From, To uint64
	// Check leaves the stream as it is, whatever is found.
	Check bool
	// Progress is called now and then with how many positions are done; nil for nobody.
	Progress func(done, all uint64)
}

// ErrRange is returned for a range that is none, or of which the stream retains
// nothing though it has reached it.
var ErrRange = errors.New("there is nothing to compare")

// ErrMoving is returned where the stream was made anew while it was compared.
var ErrMoving = errors.New("reconcile: the stream was made anew meanwhile; try again")

// Reconcile compares and, where anything differs and it may, has the stream made
// anew from the first position that it retained. Of a stream that is missing all is
// missing. It never touches the log.
func (c *Reconciler) Reconcile(ctx context.Context, q Request) (Report, error) {
	began := time.Now()
	r, err := c.compare(ctx, q)
	if err == nil {
		found := r.Found()
		if found > 0 && !q.Check {
			if err = c.mend(ctx, &r); err == nil {
				found = 0
			}
		}
		c.Meter.Reconciled(int(r.Compared), found)
	}
	r.Seconds = time.Since(began).Seconds()
	if err != nil && !errors.Is(err, ErrRange) {
		c.Meter.Failed()
	}
	return r, err
}

// mend has the stream made anew.
func (c *Reconciler) mend(ctx context.Context, r *Report) error {
	c.Logger.Error("reconcile: log and stream differ; the stream is made anew", "missing", r.Missing,
		"foreign", r.Foreign, "different", r.Different, "reordered", r.Reordered, "first", r.Differences[0].Position)
	c.repair.Lock()
	defer c.repair.Unlock()
	err := c.Relay.Restore(ctx, relay.Judgement{Created: r.created, First: max(r.StreamFirst, 1), Incarnation: r.Incarnation, Lost: r.lost})
	if err == nil {
		r.Repaired = true
		c.Meter.Repaired()
	}
	return err
}

func (c *Reconciler) compare(ctx context.Context, q Request) (Report, error) {
	r := Report{From: q.From, To: q.To}
	stream, err := c.js.Stream(ctx, wire.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return c.absent(ctx, r)
	}
	if err != nil {
		return r, err
	}
	info := stream.CachedInfo()
	// Read behind the stream, so that what is published meanwhile is in it.
	h, err := c.Log.History(ctx)
	if err != nil {
		return r, err
	}
	r.created, r.StreamFirst, r.StreamLast = info.Created, info.State.FirstSeq, info.State.LastSeq
	r.Head, r.Incarnation = h.Head, h.Incarnation
	if err := r.bound(); err != nil {
		return r, err
	}
	if r.From <= r.To {
		w := &walk{c: c, stream: stream, report: &r, progress: q.Progress, from: r.From}
		if err := w.run(ctx); err != nil {
			return r, err
		}
	}
	if beyond := max(r.Head+1, r.StreamFirst); beyond <= r.StreamLast { // the log does not reach there
		r.add(Difference{Position: beyond, Kind: Foreign})
		r.Foreign += int(r.StreamLast - beyond)
	}
	after, err := stream.Info(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) || err == nil && !after.Created.Equal(r.created) {
		return r, ErrMoving
	}
	return r, err
}

// absent reports on a stream that is not there.
func (c *Reconciler) absent(ctx context.Context, r Report) (Report, error) {
	h, err := c.Log.History(ctx)
	r.Head, r.Incarnation = h.Head, h.Incarnation
	r.From, r.To = max(r.From, 1), h.Head
	r.Missing = int(h.Head)
	if h.Head > 0 {
		r.Differences = []Difference{{Position: 1, Kind: Missing}}
		r.StreamFirst = relay.FirstOf(h.Head)
	}
	return r, err
}

// bound narrows the range to what both sides have.
func (r *Report) bound() error {
	if r.From > 0 && r.To > 0 && r.From > r.To {
		return fmt.Errorf("%w: from %d to %d", ErrRange, r.From, r.To)
	}
	end := min(r.StreamLast, r.Head)
	if r.To > 0 && r.To < r.StreamFirst && r.StreamFirst <= r.Head {
		return fmt.Errorf("%w: the stream begins at %d", ErrRange, r.StreamFirst)
	}
	if r.From > end && r.From > 1 {
		return fmt.Errorf("%w: log and stream have come to %d", ErrRange, end)
	}
	r.From = max(r.From, r.StreamFirst, 1)
	if r.To == 0 || r.To > end {
		r.To = end
	}
	r.Behind = r.Head - min(r.Head, r.StreamLast)
	return nil
}

// read has fn called with the messages of the range.
func (c *Reconciler) read(ctx context.Context, from, to uint64, fn func(bus.Message) error) error {
	return bus.ReadRange(ctx, c.js, wire.Stream, from, to, fn)
}
