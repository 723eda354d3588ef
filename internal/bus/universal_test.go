package bus

import (
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

func pubSub(t *testing.T, js jetstream.JetStream, group string, inFlight int) (message.Publisher, message.Subscriber) {
	t.Helper()
	cfg := Config{Stream: testStream, Subject: func(topic string) string { return "test." + topic }}
	pub, err := NewPublisher(js, cfg)
	require.NoError(t, err)
	sub, err := NewSubscriber(js, SubscriberConfig{
		Config: cfg, Group: group, MaxInFlight: inFlight,
		NackDelay: time.Millisecond, MaxNackDelay: 5 * time.Millisecond,
	})
	require.NoError(t, err)
	return pub, sub
}

func features(inFlight int) tests.Features {
	return tests.Features{
		ConsumerGroups:                      true,
		GuaranteedOrder:                     true,
		GuaranteedOrderWithSingleSubscriber: inFlight > 1,
		Persistent:                          true,
		// Fewer messages of the same kinds: their thousands have 45 seconds at most, which a busy
		// machine takes for them.
		ForceShort: true,
	}
}

func shared(js jetstream.JetStream, inFlight int) tests.PubSubConstructor {
	return func(t *testing.T) (message.Publisher, message.Subscriber) {
		return pubSub(t, js, "group", inFlight)
	}
}

func grouped(js jetstream.JetStream, inFlight int) tests.ConsumerGroupPubSubConstructor {
	return func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
		return pubSub(t, js, group, inFlight)
	}
}

// Watermill's own tests of what it expects from any publisher and subscriber,
// with the group's messages in flight one at a time and many at a time. They have time limits
// of their own: so their server does not wait for the disk.
func TestUniversal(t *testing.T) {
	for name, inFlight := range map[string]int{"strict": 1, "prefetching": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			js := testkit.JetStream(t, testkit.NATS(t).Connect())
			ensure(t, js, 0)
			tests.TestPubSub(t, features(inFlight), shared(js, inFlight), grouped(js, inFlight))
		})
	}
}

// Old messages come to a new group, so each subscriber here has one of its own.
func TestUniversalNewSubscriberReceivesOldMessages(t *testing.T) {
	t.Parallel()
	js := testkit.JetStream(t, testkit.NATS(t).Connect())
	ensure(t, js, 0)
	ctx := tests.TestContext{TestID: tests.NewTestID(), Features: tests.Features{Persistent: true, NewSubscriberReceivesOldMessages: true}}
	tests.TestNewSubscriberReceivesOldMessages(t, ctx, func(t *testing.T) (message.Publisher, message.Subscriber) {
		return pubSub(t, js, watermill.NewUUID(), 1)
	})
}
