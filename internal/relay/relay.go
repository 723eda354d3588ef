// Package relay carries the log onto JetStream, in the log's order and each
// event once.
//
// It is the stream's only kind of writer, and it publishes with the stream's
// expected last sequence, which is the position before. So the stream itself
// refuses a second relay, a repetition after a lost answer and a hole; nothing
// here is remembered between runs. Where the stream and the log disagree, the
// log is right and the stream is made anew. The relay looks for that when it starts, and
// every two seconds while it works; one that stands by looks every second.
package relay

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/pause"
	"sical-backend/internal/tracing"
	"sical-backend/internal/wire"
)

const (
	pageSize  = 1000    // events read from the log, and published, at a time
	fullBatch = 900     // handed events that are published without waiting for more; with the last append's they make one batch
	backlog   = 100_000 // events that a stream made anew begins with
	// handedLength bounds the appends that wait to be forwarded: a full batch each
	// is some 20 MB. What does not fit is read from the log.
	handedLength = 64

	idlePoll        = 100 * time.Millisecond // between looks at the log when nothing was heard
	standbyInterval = time.Second            // between looks at whether another relay keeps up
	checkInterval   = 2 * time.Second        // between looks at whether log and stream are still the same
	timeout         = 5 * time.Second        // for one publish, and for one question to the log

	// After a publish the relay waits for more events, restFactor times as long as the publish
	// took, at most maxRest; Config.Rest sets another wait. Every batch costs the server
	// files of its own, so that under load few large ones leave it most of its time.
	restFactor = 4
	maxRest    = 50 * time.Millisecond
)

// Meter is told what the relay does: how many events it published, and the
// position of the last one.
type Meter interface {
	Relayed(events int, position uint64)
}

// Log is the truth that is carried; an eventlog.Reader.
type Log interface {
	Read(ctx context.Context, after uint64, limit int) ([]events.Event, error)
	History(context.Context) (eventlog.History, error)
	BeginIncarnation(ctx context.Context, seen events.ID, why string) (events.ID, error)
}

// Config is what a Relay works with.
type Config struct {
	Log    Log
	NATS   *nats.Conn
	Ring   func() // tells the relay at work that there is something to read; must not block. Nil where nothing is handed over
	Logger *slog.Logger
	Meter  Meter
	Tracer *tracing.Tracer
	// MaxBytes and MaxAge bound what the stream keeps; zero for 1 GiB and any age.
	MaxBytes int64
	MaxAge   time.Duration
	// Replicas is how many servers of a cluster keep the stream; zero for one. An existing
	// stream is brought to all three.
	Replicas int
	// Guest leaves the limits and the replicas of a stream that is there as they are, also
	// where it is made anew: for whoever works beside the relay that the stream is kept by.
	Guest bool
	// Rest is how long the relay waits for more events after each batch. What comes after
	// the wait is published at once. With zero the wait follows from how long the batch
	// took, which suits readers who wait for the bus.
	Rest time.Duration
	// Found, where set, is handed the events that other processes have appended, as they
	// are read from the log to be published. Working is told when this relay begins and
	// ends to be the one at work. Meanwhile whoever is handed these events, and those that
	// this process appends, does not need the bus. Neither may block.
	Found   func([]events.Event)
	Working func(bool)
}

// Relay publishes the log. Committed feeds it, Run works.
type Relay struct {
	cfg     Config
	js      jetstream.JetStream
	publish *bus.SequencedPublisher
	handed  chan []events.Event
	active  atomic.Bool

	limits      limits // of the stream: as configured or, for a guest, as it was last found
	incarnation events.ID
	last        uint64    // position of the last event in the stream
	lastID      events.ID // and which it is, in this incarnation; none where that is not known
	seen        uint64    // position that the log has reached in this incarnation
	rested      time.Time // when the next publish may begin
}

// New makes a relay; nothing happens until Run.
func New(c Config) (*Relay, error) {
	js, err := jetstream.New(c.NATS)
	if err != nil {
		return nil, err
	}
	c.Log = bounded{c.Log}
	return &Relay{
		cfg:     c,
		js:      js,
		limits:  limits{c.MaxBytes, c.MaxAge, c.Replicas},
		publish: bus.NewSequencedPublisher(js, wire.Stream),
		handed:  make(chan []events.Event, handedLength),
	}, nil
}

// Committed hands over events that this process has just appended. It never
// blocks: what does not fit is read from the log. Where another process relays,
// it is told that there is something to read, and looks by itself after idlePoll.
func (r *Relay) Committed(list []events.Event) {
	if !r.active.Load() {
		r.cfg.Ring()
		return
	}
	select {
	case r.handed <- list:
	default:
	}
}

// Run relays until ctx ends. Every failure is retried: commands never wait for
// this, and projectors read the log meanwhile.
func (r *Relay) Run(ctx context.Context) error {
	rings := make(chan *nats.Msg, 1)
	bell, err := r.cfg.NATS.ChanSubscribe(wire.Appended, rings)
	if err != nil {
		return err
	}
	defer func() { _ = bell.Unsubscribe() }()
	retry := 50 * time.Millisecond
	for ctx.Err() == nil {
		begun := time.Now()
		err := r.relay(ctx, rings)
		r.works(false)
		if ctx.Err() == nil && overtaken(err) {
			r.cfg.Logger.Info("relay: another one is at work, standing by")
			err = r.standBy(ctx)
			if err == nil {
				continue
			}
		}
		if ctx.Err() != nil {
			break
		}
		r.cfg.Logger.Warn("relay: trying again", "error", err)
		if time.Since(begun) > 10*time.Second {
			retry = 50 * time.Millisecond
		}
		pause.For(ctx, retry)
		retry = min(2*retry, 2*time.Second)
	}
	return nil
}

// relay brings the stream up to the log and keeps it there, until something
// fails.
func (r *Relay) relay(ctx context.Context, rings <-chan *nats.Msg) error {
	if err := r.agree(ctx); err != nil {
		return err
	}
	for len(r.handed) > 0 {
		<-r.handed // to the session before, perhaps of a log that was put back since: it is read
	}
	r.works(true)
	if err := r.catchUp(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(idlePoll)
	defer tick.Stop()
	due := time.NewTicker(checkInterval)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-due.C:
			if err := r.check(ctx); err != nil {
				return err
			}
		case list := <-r.handed:
			if err := r.forward(ctx, list); err != nil {
				return err
			}
		case <-rings:
			pause.For(ctx, time.Until(r.rested))
			if err := r.catchUp(ctx); err != nil {
				return err
			}
		case <-tick.C:
			if time.Now().Before(r.rested) {
				continue // what has come meanwhile was handed over, or keeps until the next tick
			}
			if err := r.catchUp(ctx); err != nil {
				return err
			}
		}
	}
}

func (r *Relay) works(does bool) {
	r.active.Store(does)
	if r.cfg.Working != nil {
		r.cfg.Working(does)
	}
}

// overtaken tells whether somebody else has written to the stream.
func overtaken(err error) bool {
	var wrong *bus.WrongSequenceError
	return errors.As(err, &wrong) && wrong.Last > wrong.Expected
}
