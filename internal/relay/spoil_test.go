package relay

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

// rob replaces the stream by one of as many messages without the fifth, as an older
// one may be that let messages be deleted. It fails where a relay at work makes
// its own in between.
func rob(ctx context.Context, js jetstream.JetStream) error {
	stream, err := js.Stream(ctx, wire.Stream)
	if err != nil {
		return err
	}
	if err := js.DeleteStream(ctx, wire.Stream); err != nil {
		return err
	}
	config := stream.CachedInfo().Config
	config.DenyDelete = false
	if stream, err = js.CreateStream(ctx, config); err != nil {
		return err
	}
	if err := junk(ctx, js, 12); err != nil {
		return err
	}
	return stream.DeleteMsg(ctx, 5)
}

// junk publishes what is no event.
func junk(ctx context.Context, js jetstream.JetStream, n int) error {
	for range n {
		if _, err := js.Publish(ctx, "sical.events.goal", []byte("{}")); err != nil {
			return err
		}
	}
	return nil
}

// beginAnew replaces the stream by one that begins at 1; a relay at work may make
// its own at the same moment.
func beginAnew(ctx context.Context, js jetstream.JetStream) error {
	if err := js.DeleteStream(ctx, wire.Stream); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	_, err := bus.EnsureStream(ctx, js, jetstream.StreamConfig{Name: wire.Stream, Subjects: []string{wire.Subjects}}, 1)
	return err
}

// replace makes the stream anew with the log's first n events as of an incarnation.
func (s *system) replace(t *testing.T, js jetstream.JetStream, n int, incarnation events.ID) {
	t.Helper()
	logged, err := s.Read(t.Context(), 0, n)
	require.NoError(t, err)
	messages := make([]*bus.Message, len(logged))
	for i, e := range logged {
		messages[i] = wire.Encode(e, incarnation.String())
	}
	testkit.Eventually(t, func() error {
		if err := beginAnew(t.Context(), js); err != nil {
			return err
		}
		_, err = bus.NewSequencedPublisher(js, wire.Stream).Publish(t.Context(), 0, messages)
		if _, faster := errors.AsType[*bus.WrongSequenceError](err); faster { // than a relay at work
			return nil
		}
		return err
	})
}
