package bus

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// attach finds the group's consumer of the topic, gives it today's settings,
// or makes it.
func (s *subscription) attach(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.js.Options().DefaultTimeout)
	defer cancel()
	consumer, err := s.js.Consumer(ctx, s.cfg.Stream, s.name)
	switch {
	case err == nil:
		return s.update(ctx, consumer)
	case !errors.Is(err, jetstream.ErrConsumerNotFound):
		return nil, err
	}
	consumer, err = s.create(ctx)
	if errors.Is(err, jetstream.ErrConsumerExists) {
		// Another member was faster and began elsewhere.
		return s.js.Consumer(ctx, s.cfg.Stream, s.name)
	}
	return consumer, err
}

func (s *subscription) update(ctx context.Context, consumer jetstream.Consumer) (jetstream.Consumer, error) {
	cfg := consumer.CachedInfo().Config
	want := s.config(cfg)
	if cfg.FilterSubject == want.FilterSubject && cfg.AckWait == want.AckWait && cfg.MaxAckPending == want.MaxAckPending {
		return consumer, nil
	}
	return s.js.UpdateConsumer(ctx, s.cfg.Stream, want)
}

// create makes the consumer, from the oldest message on. A consumer that was
// lost with its stream goes on where this member was, if the stream reaches
// that far and no other member can have held an earlier message.
func (s *subscription) create(ctx context.Context) (jetstream.Consumer, error) {
	stream, err := s.js.Stream(ctx, s.cfg.Stream)
	if err != nil {
		return nil, err
	}
	var cfg jetstream.ConsumerConfig
	if s.cfg.MaxInFlight == 1 && s.floor > 0 && s.floor <= stream.CachedInfo().State.LastSeq {
		cfg.DeliverPolicy = jetstream.DeliverByStartSequencePolicy
		cfg.OptStartSeq = s.floor + 1
	}
	return stream.CreateConsumer(ctx, s.config(cfg))
}

// config puts our settings into cfg and leaves where the consumer began.
func (s *subscription) config(cfg jetstream.ConsumerConfig) jetstream.ConsumerConfig {
	cfg.Durable = s.name
	cfg.FilterSubject = s.cfg.Subject(s.topic)
	cfg.AckPolicy = jetstream.AckExplicitPolicy
	cfg.AckWait = s.cfg.AckWait
	cfg.MaxAckPending = s.cfg.MaxInFlight
	return cfg
}

// reset has the server deliver again from the group's acknowledgement floor, in
// place: nobody of the group can meet the consumer missing in between.
func (s *subscription) reset(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if _, err := s.js.ResetConsumer(ctx, s.cfg.Stream, s.name); err != nil {
		s.log.Warn("Stalled consumer cannot be reset", "error", err)
	}
}
