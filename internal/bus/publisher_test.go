package bus

import (
	"strconv"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

func newPublisher(t *testing.T, js jetstream.JetStream) *Publisher {
	t.Helper()
	pub, err := NewPublisher(testkit.JetStream(t, js.Conn()), Config{Stream: testStream})
	require.NoError(t, err)
	return pub
}

func numbered(first, n int) []*message.Message {
	msgs := make([]*message.Message, n)
	for i := range msgs {
		id := strconv.Itoa(first + i)
		msgs[i] = message.NewMessage(id, []byte(id))
	}
	return msgs
}

func TestPublisherKeepsOrderAndDropsKnownIDs(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	stream := ensure(t, js, 0)
	pub := newPublisher(t, js)

	require.NoError(t, pub.Publish(testSubject))
	require.NoError(t, pub.Publish(testSubject, numbered(1, 1500)...))
	require.NoError(t, pub.Publish(testSubject, numbered(7, 1)...))     // one known
	require.NoError(t, pub.Publish(testSubject, numbered(1480, 40)...)) // a batch, half of it known
	require.NoError(t, pub.Publish(testSubject, numbered(1519, 1)[0], numbered(1520, 1)[0], numbered(1520, 1)[0]))
	require.Equal(t, counted(1520), stored(t, stream))

	// The same message on another topic is another one: a poison queue, say.
	require.NoError(t, pub.Publish("test.poison", numbered(7, 1)...))
	require.Equal(t, append(counted(1520), "7"), stored(t, stream))
}

func TestPublisherRefusesBeforeSending(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	stream := ensure(t, js, 0)
	pub := newPublisher(t, js)
	for key, value := range map[string]string{
		"": "x", "a b": "x", "a:b": "x", "a\nb": "x", "Nats-Rollup": "all", "nats-rollup": "all",
		"k": "line\r\nNats-Rollup: all", "l": " blank",
	} {
		bad := numbered(2, 1)[0]
		bad.Metadata[key] = value
		require.ErrorIs(t, pub.Publish(testSubject, numbered(1, 1)[0], bad), ErrInvalidHeader, "%q: %q", key, value)
	}
	require.ErrorIs(t, pub.Publish(testSubject, message.NewMessage("", nil)), ErrNoID)
	require.ErrorIs(t, pub.Publish(testSubject, message.NewMessage("a\nb", nil)), ErrInvalidHeader)
	require.NoError(t, pub.Close())
	require.ErrorIs(t, pub.Publish(testSubject, numbered(1, 1)...), ErrClosed)
	require.Empty(t, stored(t, stream))

	_, err := NewPublisher(js, Config{})
	require.Error(t, err)
}

func TestMetadataTravelsUnchanged(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	want := message.NewMessage("一号", message.Payload("学习"))
	want.Metadata = message.Metadata{"title": "线性代数 I", "empty": "", "MixedCase-Key": "a: b", "x": "tab\there"}
	require.NoError(t, newPublisher(t, js).Publish(testSubject, want))

	messages := subscribe(t, js, SubscriberConfig{Group: "g"})
	got := testkit.Receive(t, messages)
	got.Ack()
	require.True(t, want.Equals(got), "%+v", got)
}

func TestDecodeTakesTheFirstOfSeveralValues(t *testing.T) {
	t.Parallel()
	m, err := decode("s", nats.Header{jetstream.MsgIDHeader: {"event-1"}, "a": {"1", "2"}, "b": nil, "Nats-X": {"y"}}, nil)
	require.NoError(t, err)
	require.Equal(t, "event-1", m.UUID)
	require.Equal(t, message.Metadata{"a": "1"}, m.Metadata)
}
