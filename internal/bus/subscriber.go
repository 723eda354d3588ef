package bus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"
)

// SubscriberConfig says who subscribes, and how patiently.
type SubscriberConfig struct {
	Config
	// Group is the consumer group: each group gets every message, its members
	// share them. A new group begins with the oldest message.
	Group string
	// MaxInFlight is how many messages the group may hold unacknowledged;
	// 1 if zero, and then their order holds whatever happens: several members,
	// one that died, a lost connection. With more, for speed, it holds while
	// one member goes on undisturbed; the server (2.15) may turn the order
	// round among messages that were given back.
	MaxInFlight int
	// AckWait is how long the server waits for a member that has gone silent
	// before it gives its messages to another; 30 s if zero. A member that is
	// working is not silent, however long a message takes.
	AckWait time.Duration
	// NackDelay is the pause before a nacked message is handed over again; it
	// doubles with every further nack up to MaxNackDelay. 100 ms and 30 s if zero.
	NackDelay, MaxNackDelay time.Duration
	// Undecodable is called for a message that cannot be handed over and
	// never will be; it is not delivered again. Nil ignores it.
	Undecodable func(topic string, seq uint64, err error)
	// Logger gets what subscriptions recover from.
	Logger *slog.Logger
}

func (c *SubscriberConfig) validate() error {
	if c.Group == "" {
		return errors.New("bus: no consumer group")
	}
	if c.MaxInFlight < 0 || c.AckWait < 0 || c.NackDelay < 0 || c.MaxNackDelay < 0 {
		return errors.New("bus: negative subscriber setting")
	}
	c.MaxInFlight = max(c.MaxInFlight, 1)
	c.AckWait = orDefault(c.AckWait, 30*time.Second)
	c.NackDelay = orDefault(c.NackDelay, 100*time.Millisecond)
	c.MaxNackDelay = max(orDefault(c.MaxNackDelay, 30*time.Second), c.NackDelay)
	if c.Undecodable == nil {
		c.Undecodable = func(string, uint64, error) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c.Config.validate()
}

func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

// Subscriber is a Watermill Subscriber on a JetStream stream. Each group and
// topic has a durable consumer with explicit acknowledgements. Messages are
// handed over one at a time, in stream order; a nacked one is handed over
// again, after a pause, before any later one.
type Subscriber struct {
	js  jetstream.JetStream
	cfg SubscriberConfig

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu     sync.Mutex
	closed bool
	subs   sync.WaitGroup
}

var (
	_ message.Subscriber           = (*Subscriber)(nil)
	_ message.SubscribeInitializer = (*Subscriber)(nil)
)

// NewSubscriber returns a Subscriber to the stream of cfg, which must exist.
func NewSubscriber(js jetstream.JetStream, cfg SubscriberConfig) (*Subscriber, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Subscriber{js: js, cfg: cfg, ctx: ctx, cancel: cancel}, nil
}

// SubscribeInitialize makes the group's consumer of a topic, so that the
// server keeps its place from now on.
func (s *Subscriber) SubscribeInitialize(topic string) error {
	_, err := s.subscription(topic).attach(s.ctx)
	return err
}

// Subscribe hands over the topic's messages until ctx ends, or the Subscriber
// or its connection is closed; then the channel is closed. It returns ErrClosed, or why the
// consumer could not be made.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	sub := s.subscription(topic)
	consumer, err := sub.attach(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	detach := context.AfterFunc(s.ctx, cancel)
	s.subs.Go(func() {
		defer close(sub.out)
		defer cancel()
		defer detach()
		sub.run(ctx, consumer)
	})
	return sub.out, nil
}

// Close ends all subscriptions and waits for them: what handlers have
// acknowledged is acknowledged, the rest is given back to the group.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.subs.Wait()
	return nil
}

func (s *Subscriber) subscription(topic string) *subscription {
	return &subscription{
		js:      s.js,
		cfg:     s.cfg,
		topic:   topic,
		name:    consumerName(s.cfg.Group, topic),
		log:     s.cfg.Logger.With("stream", s.cfg.Stream, "group", s.cfg.Group, "topic", topic),
		out:     make(chan *message.Message),
		arrived: make(chan jetstream.Msg, s.cfg.MaxInFlight),
	}
}

// consumerName is readable and, as dots, blanks and wildcards cannot stay,
// made unique by a hash.
func consumerName(group, topic string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '_'
	}, group+"_"+topic)
	sum := sha256.Sum256([]byte(group + "\x00" + topic))
	return clean[:min(len(clean), 80)] + "_" + hex.EncodeToString(sum[:6])
}
