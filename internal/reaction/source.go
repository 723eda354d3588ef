package reaction

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"sical-backend/events"
	"sical-backend/internal/pause"
	"sical-backend/internal/tail"
)

const (
	kept     = 2048             // events held in memory, at least
	pageSize = 500              // events that a consumer is given between looks at its lease
	patience = 10 * time.Second // of one exchange with the database
)

// source is the Watermill Subscriber of a reaction: one channel for the consumers
// that this process serves, each of which has at most one message in it, the next
// in the log's order.
type source struct {
	*Runtime
	tail      *tail.Tail
	out       chan *message.Message
	followers sync.WaitGroup
	ctx       context.Context // ends with the session
	asked     atomic.Bool     // Subscribe was called
	lease     time.Duration   // of a consumer, unless it is renewed

	served map[events.ID]*served // keep's own; they stay in it until they have stopped
	left   map[events.ID]left    // keep's own: to other processes
	// hasRow is keep's own: true once this session has seen to a consumer's row, false once it
	// has deleted that; a consumer of which it has done neither is not in it.
	hasRow map[events.ID]bool
	freed  chan struct{} // one that was told to stop has
	tailed sync.Once
}

func newSource(ctx context.Context, r *Runtime, incarnation events.ID, head uint64) *source {
	log := tail.New(tail.Config{
		Log: r.cfg.Log, Feed: r.cfg.Feed, Logger: r.cfg.Logger.With("reaction", r.cfg.Reaction.Name()), Kept: kept, Page: pageSize, Look: beat,
	}, incarnation, head)
	return &source{
		Runtime: r, tail: log, out: make(chan *message.Message), ctx: ctx, lease: leaseDuration,
		served: map[events.ID]*served{}, left: map[events.ID]left{}, hasRow: map[events.ID]bool{}, freed: make(chan struct{}, 1),
	}
}

// Subscribe returns the reaction's messages. It may be called once: the topic is
// the reaction's name, and who gets a message is the lease's affair.
func (s *source) Subscribe(context.Context, string) (<-chan *message.Message, error) {
	if s.asked.Swap(true) {
		return nil, errors.New("reaction: subscribed twice")
	}
	return s.out, nil
}

// Close does nothing: the session ends what is under way.
func (s *source) Close() error { return nil }

// served is a consumer that this process serves. Its goroutine owns the fields
// below the line.
type served struct {
	Consumer
	epoch   int64
	cancel  context.CancelFunc
	done    chan struct{}
	failing atomic.Bool
	renewed sync.Mutex // guards valid
	valid   time.Time  // until when the lease is known to be held

	position uint64    // every event up to here is done with
	last     events.ID // the event there; zero where it was not seen by this process
	saved    uint64    // what stands in the table
	failures int
	since    *time.Time // of the first failure in a row; as retryAt see here
	retryAt  *time.Time
	why      error // it has stopped; told once done is closed
}

// holds tells whether the lease is valid by this process's own clock, so that nobody else
// serves the consumer. If the process is suspended right afterwards, that may no longer be
// true when it goes on.
func (c *served) holds() bool {
	c.renewed.Lock()
	defer c.renewed.Unlock()
	return time.Now().Before(c.valid)
}

func (c *served) renew(begun time.Time, lease time.Duration) {
	c.renewed.Lock()
	defer c.renewed.Unlock()
	c.valid = begun.Add(lease)
}

// start follows a consumer, in a goroutine of its own, until its lease is lost or it is told
// to stop.
func (s *source) start(c *served) {
	s.tailed.Do(func() {
		s.followers.Go(func() { s.tail.Run(s.ctx) })
	})
	ctx, cancel := context.WithCancel(s.ctx)
	c.cancel, c.done = cancel, make(chan struct{})
	s.followers.Go(func() {
		err := s.follow(ctx, c)
		told := ctx.Err() != nil
		c.why = err
		if ctx.Err() == nil || errors.Is(err, errLost) {
			s.cfg.Logger.WarnContext(ctx, "consumer interrupted", "reaction", s.cfg.Reaction.Name(), "consumer", c.ID, "error", err)
		}
		s.release(c)
		cancel()
		close(c.done)
		if told {
			select {
			case s.freed <- struct{}{}:
			default: // word that another has stopped is waiting already
			}
		}
	})
}

// follow gives the consumer what it wants, in order, until ctx or the lease ends.
func (s *source) follow(ctx context.Context, c *served) error {
	if c.retryAt != nil {
		pause.For(ctx, time.Until(*c.retryAt))
	}
	for ctx.Err() == nil {
		list, behind, changed := s.tail.After(c.position)
		if behind {
			var err error
			if list, err = s.tail.Page(ctx, c.position); err != nil {
				return err
			}
			if len(list) == 0 { // the log is shorter than it was: the next beat finds out
				pause.For(ctx, beat)
			}
		}
		for _, e := range list {
			if c.Wants(e.Type) {
				if err := s.deliver(ctx, c, e); err != nil {
					return err
				}
			}
			c.position, c.last = e.Position, e.ID
		}
		if len(list) > 0 && c.position < c.saved+saveEvery {
			continue
		}
		if c.position > c.saved && (changed == nil || !waitFor(ctx, changed, saveAfter)) {
			if err := s.commit(ctx, c, c.position, c.last); err != nil {
				return err
			}
		}
		if changed != nil {
			waitFor(ctx, changed, time.Hour)
		}
	}
	return ctx.Err()
}

// How far and how long the stored position may trail over events that the
// consumer does not want.
const (
	saveEvery = 10_000
	saveAfter = 2 * time.Second
)

// waitFor waits for a change; it reports false where there was none in time.
func waitFor(ctx context.Context, changed <-chan struct{}, most time.Duration) bool {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-changed:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

// deliver sends one event through the router until it is done with, and commits
// that. It returns an error only where the consumer is no longer this process's, or is to
// be another's.
func (s *source) deliver(ctx context.Context, c *served, e *events.Event) error {
	for {
		if !c.holds() {
			return errLost
		}
		d := &delivery{consumer: c.ID, event: *e}
		acked, err := s.offer(ctx, d)
		if err != nil {
			return err
		}
		if acked {
			return s.commit(ctx, c, e.Position, e.ID)
		}
		if errors.Is(d.err, ErrUnknown) {
			return d.err
		}
		if err := s.failed(ctx, c, d.event, d.err); err != nil {
			return err
		}
	}
}

// offer puts the event into the router's channel and waits for its verdict.
func (s *source) offer(ctx context.Context, d *delivery) (acked bool, err error) {
	msg := message.NewMessage(d.event.ID.String(), d.event.Raw)
	msg.SetContext(context.WithValue(ctx, deliveryKey{}, d))
	if meta := d.event; meta.Decode() == nil {
		msg.Metadata.Set("correlation_id", meta.Meta.Correlation)
	}
	for out := s.out; ; {
		select {
		case out <- msg:
			out = nil
		case <-msg.Acked():
			return true, nil
		case <-msg.Nacked():
			return false, ctx.Err()
		case <-ctx.Done():
			if out == nil { // let the handler end before anybody else takes over
				select {
				case <-msg.Acked():
					return true, nil
				case <-msg.Nacked():
				case <-time.After(closing):
				}
			}
			return false, ctx.Err()
		}
	}
}
