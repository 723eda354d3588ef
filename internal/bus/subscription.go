package bus

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"

	"sical-backend/internal/pause"
)

// subscription is one call of Subscribe. All its state belongs to the
// goroutine of run; arrived connects it with the client's.
type subscription struct {
	js    jetstream.JetStream
	cfg   SubscriberConfig
	topic string
	name  string // of the durable consumer
	log   *slog.Logger

	out     chan *message.Message
	arrived chan jetstream.Msg
	waiting []jetstream.Msg // taken from arrived, not yet handed over
	floor   uint64          // the last sequence that is done with
}

// run hands messages over, by one session after the other, until ctx ends or
// the connection is closed for good.
func (s *subscription) run(ctx context.Context, consumer jetstream.Consumer) {
	retry := minRetry
	for {
		floor := s.floor
		err := s.session(ctx, consumer)
		for ctx.Err() == nil && err != nil {
			if s.js.Conn().IsClosed() {
				s.log.Error("Subscription ended by its connection", "error", err)
				return
			}
			s.log.Warn("Subscription interrupted, trying again", "error", err)
			if s.floor != floor {
				retry, floor = minRetry, s.floor
			}
			if !pause.For(ctx, retry) {
				return
			}
			retry = min(2*retry, maxRetry)
			if errors.Is(err, errStalled) {
				s.reset(ctx)
			}
			consumer, err = s.attach(ctx)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// session consumes until something happens to the consumer or ctx ends.
func (s *subscription) session(ctx context.Context, consumer jetstream.Consumer) error {
	broken := make(chan error, 1)
	done := make(chan struct{})
	consuming, err := consumer.Consume(
		func(m jetstream.Msg) { s.take(m, done) },
		jetstream.PullMaxMessages(s.cfg.MaxInFlight),
		jetstream.PullHeartbeat(5*time.Second),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			select {
			case broken <- err:
			default:
			}
		}))
	if err != nil {
		return err
	}
	defer s.giveBack(consuming, done)

	watch := time.NewTicker(watchInterval)
	defer watch.Stop()
	alive := time.NewTicker(s.cfg.AckWait / 3)
	defer alive.Stop()
	for silent := false; ; {
		for len(s.waiting) > 0 {
			m := s.waiting[0]
			if !s.deliver(ctx, m, alive.C) {
				return nil
			}
			s.waiting = s.waiting[1:]
			silent = false
		}
		select {
		case m := <-s.arrived:
			s.waiting = append(s.waiting, m)
		case err := <-broken:
			return err
		case <-watch.C:
			if silent {
				if err := stalled(ctx, consumer); err != nil {
					return err
				}
			}
			silent = true
		case <-ctx.Done():
			return nil
		}
	}
}

// take has a message wait for its turn, or gives it back where its session is done. It
// waits itself while arrived is full, as of redelivered messages.
func (s *subscription) take(m jetstream.Msg, done <-chan struct{}) {
	select {
	case <-done:
	default:
		select {
		case s.arrived <- m:
			return
		case <-done:
		}
	}
	_ = m.Nak() // as in giveBack
}

// deliver hands one message over until it is acknowledged. It reports false
// if ctx ended before that.
func (s *subscription) deliver(ctx context.Context, m jetstream.Msg, alive <-chan time.Time) bool {
	seq := sequence(m)
	for delay := s.cfg.NackDelay; ; delay = min(2*delay, s.cfg.MaxNackDelay) {
		msg, err := decode(m.Subject(), m.Headers(), m.Data())
		if err != nil {
			s.cfg.Undecodable(s.topic, seq, err)
			s.settle(m.TermWithReason(err.Error()), seq)
			return true
		}
		switch s.offer(ctx, msg, alive) {
		case acked:
			s.settle(m.Ack(), seq)
			return true
		case abandoned:
			return false
		}
		again := time.NewTimer(delay)
		if !s.await(ctx, again.C, alive) {
			again.Stop()
			return false
		}
	}
}

type verdict int

const (
	acked verdict = iota
	nacked
	abandoned // ctx ended first
)

// offer puts one copy of the message into the channel and waits for its
// verdict. The message's context ends with it.
func (s *subscription) offer(ctx context.Context, msg *message.Message, alive <-chan time.Time) verdict {
	msgCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	msg.SetContext(msgCtx)
	for out := s.out; ; {
		select {
		case out <- msg:
			out = nil
		case <-msg.Acked():
			return acked
		case <-msg.Nacked():
			return nacked
		case <-alive:
			s.keepAlive()
		case <-ctx.Done():
			select {
			case <-msg.Acked(): // at the last moment
				return acked
			default:
				return abandoned
			}
		}
	}
}

func (s *subscription) await(ctx context.Context, until, alive <-chan time.Time) bool {
	for {
		select {
		case <-until:
			return true
		case <-alive:
			s.keepAlive()
		case <-ctx.Done():
			return false
		}
	}
}

// keepAlive tells the server that all messages held here are in work, or it
// would give them to somebody else, out of order, while a slow one holds them up.
func (s *subscription) keepAlive() {
	s.takeArrived()
	for _, m := range s.waiting {
		if err := m.InProgress(); err != nil {
			s.log.Warn("Message cannot be kept", "sequence", sequence(m), "error", err)
			return
		}
	}
}

func (s *subscription) takeArrived() {
	for {
		select {
		case m := <-s.arrived:
			s.waiting = append(s.waiting, m)
		default:
			return
		}
	}
}

// settle notes that a message is done with. If the server did not hear it, the
// message comes again: delivery is at least once.
func (s *subscription) settle(err error, seq uint64) {
	s.floor = max(s.floor, seq)
	if err != nil {
		s.log.Warn("Message settled, but the server could not be told", "sequence", seq, "error", err)
	}
}

// giveBack ends a session: whatever is held returns to the group at once. The
// pulling must have ended before, or the server would send it straight back
// here; it is drained, as what the client has buffered is held, too, however long that takes.
func (s *subscription) giveBack(consuming jetstream.ConsumeContext, done chan struct{}) {
	consuming.Drain()
	close(done)
	awaitClosed(consuming)
	s.takeArrived()
	for _, m := range s.waiting {
		// If the server cannot hear it, the messages return after AckWait.
		_ = m.Nak()
	}
	s.waiting = nil
}

func sequence(m jetstream.Msg) uint64 {
	meta, err := m.Metadata()
	if err != nil {
		return 0
	}
	return meta.Sequence.Stream
}
