package bus

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

func newSubscriber(t *testing.T, js jetstream.JetStream, cfg SubscriberConfig) *Subscriber {
	t.Helper()
	cfg.Stream = testStream
	cfg.NackDelay, cfg.MaxNackDelay = time.Millisecond, time.Millisecond
	sub, err := NewSubscriber(js, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sub.Close()) })
	return sub
}

func subscribe(t *testing.T, js jetstream.JetStream, cfg SubscriberConfig) <-chan *message.Message {
	t.Helper()
	messages, err := newSubscriber(t, js, cfg).Subscribe(context.Background(), testSubject)
	require.NoError(t, err)
	return messages
}

func next(t *testing.T, messages <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case m, ok := <-messages:
		require.True(t, ok, "subscription ended")
		return m
	case <-time.After(time.Minute):
		t.Fatal("no message")
		return nil
	}
}

// requireInOrder takes and acknowledges messages first..last.
func requireInOrder(t *testing.T, messages <-chan *message.Message, first, last int) {
	t.Helper()
	for _, want := range counted(last)[first-1:] {
		m := next(t, messages)
		require.Equal(t, want, m.UUID)
		require.True(t, m.Ack())
	}
}

// state asks for what the server knows of the group's consumer.
func state(t *testing.T, js jetstream.JetStream, group string) *jetstream.ConsumerInfo {
	t.Helper()
	consumer, err := js.Consumer(ctxOf(t), testStream, consumerName(group, testSubject))
	require.NoError(t, err)
	return consumer.CachedInfo()
}

func TestNackedMessageComesAgainBeforeLaterOnes(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	publish(t, js, 0, 50)
	messages := subscribe(t, js, SubscriberConfig{Group: "g", MaxInFlight: 20})
	for range 5 {
		m := next(t, messages)
		require.Equal(t, "1", m.UUID)
		require.True(t, m.Nack())
		<-m.Context().Done()
	}
	requireInOrder(t, messages, 1, 50)
}

func TestUndecodableMessageIsPassedOver(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	for range 3 {
		_, err := js.Publish(ctxOf(t), testSubject, []byte("nobody's"))
		require.NoError(t, err)
	}
	publish(t, js, 3, 1)
	seqs := make(chan uint64, 10)
	messages := subscribe(t, js, SubscriberConfig{Group: "g", Undecodable: func(topic string, seq uint64, err error) {
		if topic == testSubject {
			seqs <- seq
		}
	}})
	requireInOrder(t, messages, 4, 4)
	for want := uint64(1); want <= 3; want++ {
		require.Equal(t, want, testkit.Receive(t, seqs))
	}
	require.Empty(t, seqs)
	require.Eventually(t, func() bool { return state(t, js, "g").AckFloor.Stream == 4 },
		time.Minute, time.Millisecond) // acknowledgements are not awaited
}

func TestCloseGivesBack(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	publish(t, js, 0, 30)
	for group, inFlight := range map[string]int{"strict": 1, "prefetching": 10} {
		// Waiting for the first member to be given up would outlast the test.
		cfg := SubscriberConfig{Group: group, MaxInFlight: inFlight, AckWait: time.Hour}
		first := newSubscriber(t, js, cfg)
		messages, err := first.Subscribe(context.Background(), testSubject)
		require.NoError(t, err)
		requireInOrder(t, messages, 1, 5)
		held := next(t, messages)
		require.NoError(t, first.Close())
		<-held.Context().Done()
		_, open := <-messages
		require.False(t, open)
		_, err = first.Subscribe(context.Background(), testSubject)
		require.ErrorIs(t, err, ErrClosed)

		messages = subscribe(t, js, cfg)
		if inFlight == 1 {
			requireInOrder(t, messages, 6, 30)
			continue
		}
		var rest []string
		for range 25 {
			m := next(t, messages)
			m.Ack()
			rest = append(rest, m.UUID)
		}
		require.ElementsMatch(t, counted(30)[5:], rest)
	}
}

// TestCloseGivesBackWhatFindsNoRoom: what the client holds returns as well, where as many
// as have room wait already, as of redelivered messages.
func TestCloseGivesBackWhatFindsNoRoom(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	publish(t, js, 0, 10)
	cfg := SubscriberConfig{Group: "g", MaxInFlight: 10, AckWait: time.Hour}
	sub := newSubscriber(t, js, cfg).subscription(testSubject)
	sub.arrived = make(chan jetstream.Msg, 1)
	ctx, cancel := context.WithCancel(t.Context())
	consumer, err := sub.attach(ctx)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- sub.session(ctx, consumer) }()
	require.Equal(t, "1", next(t, sub.out).UUID)
	require.Eventually(t, func() bool { return state(t, js, "g").NumAckPending == 10 }, time.Minute, time.Millisecond)
	cancel()
	require.NoError(t, testkit.Receive(t, done))
	messages := subscribe(t, js, cfg)
	var all []string
	for range 10 {
		m := next(t, messages)
		m.Ack()
		all = append(all, m.UUID)
	}
	require.ElementsMatch(t, counted(10), all)
}

func TestSlowHandlerKeepsItsMessages(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	publish(t, js, 0, 10)
	said := make(chan *nats.Msg, 1000)
	_, err := js.Conn().ChanSubscribe("$JS.ACK.>", said)
	require.NoError(t, err)
	// Longer than a busy machine stands still: what is kept is told of every third of it.
	const ackWait = 9 * time.Second
	messages := subscribe(t, js, SubscriberConfig{Group: "g", MaxInFlight: 10, AckWait: ackWait})
	m := next(t, messages)
	kept := map[string]int{} // how often the server was told to keep a message, by its reply subject
	twice := func() bool {
		for _, times := range kept {
			if times < 2 {
				return false
			}
		}
		return len(kept) == 10
	}
	for !twice() { // while it is worked on
		select {
		case told := <-said:
			require.Equal(t, "+WPI", string(told.Data))
			kept[told.Subject]++
		case <-time.After(time.Minute):
			t.Fatalf("the server is not told to keep them: %v", kept)
		}
	}
	require.Zero(t, state(t, js, "g").NumRedelivered)
	require.True(t, m.Ack())
	requireInOrder(t, messages, 2, 10)
}

func TestMembersOfAStrictGroupTakeTurnsInOrder(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	publish(t, js, 0, 100)
	one := subscribe(t, js, SubscriberConfig{Group: "g"})
	two := subscribe(t, js, SubscriberConfig{Group: "g"})
	for _, want := range counted(100) {
		var m *message.Message
		select {
		case m = <-one:
		case m = <-two:
		case <-time.After(time.Minute):
			t.Fatal("no message")
		}
		require.Equal(t, want, m.UUID)
		require.True(t, m.Ack())
	}
}

func TestSubscriptionOutlivesRestartsAndTheStream(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	js := b.connect(t)
	ensure(t, js, 0)
	publish(t, js, 0, 20)
	// What was on its way when the server went comes again after AckWait: longer than a
	// busy machine stands still, or what is in hand would come twice.
	messages := subscribe(t, js, SubscriberConfig{Group: "g", AckWait: 9 * time.Second})
	requireInOrder(t, messages, 1, 10)
	b.stop()
	b.start(t)
	// The last acknowledgement may have been lost with the server, or be late.
	for last := 10; last < 20; {
		m := next(t, messages)
		require.True(t, m.Ack())
		if m.UUID != strconv.Itoa(last) {
			last++
			require.Equal(t, strconv.Itoa(last), m.UUID)
		}
	}

	// Made anew where it was: nothing comes twice, nothing is left out.
	require.NoError(t, js.DeleteStream(ctxOf(t), testStream))
	ensure(t, js, 21)
	publish(t, js, 20, 10)
	requireInOrder(t, messages, 21, 30)
}

func TestSettingsReachAnExistingConsumer(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	require.NoError(t, newSubscriber(t, js, SubscriberConfig{Group: "g"}).SubscribeInitialize(testSubject))
	require.NoError(t, newSubscriber(t, js, SubscriberConfig{Group: "g", MaxInFlight: 7, AckWait: time.Minute}).SubscribeInitialize(testSubject))
	cfg := state(t, js, "g").Config
	require.Equal(t, 7, cfg.MaxAckPending)
	require.Equal(t, time.Minute, cfg.AckWait)
}

func TestStalledConsumerIsResetToItsFloor(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	publish(t, js, 0, 5)
	s := newSubscriber(t, js, SubscriberConfig{Group: "g"}).subscription(testSubject)
	consumer, err := s.attach(ctxOf(t))
	require.NoError(t, err)
	// Nobody pulls: messages wait and none is in work.
	require.ErrorIs(t, stalled(ctxOf(t), consumer), errStalled)

	m, err := consumer.Next()
	require.NoError(t, err)
	require.NoError(t, m.DoubleAck(ctxOf(t)))
	_, err = consumer.Next()
	require.NoError(t, err)
	require.NoError(t, stalled(ctxOf(t), consumer)) // one is in work

	s.reset(ctxOf(t))
	info := state(t, js, "g")
	require.Zero(t, info.NumAckPending)
	require.Equal(t, uint64(4), info.NumPending)
}

func TestSubscriberSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for _, cfg := range []SubscriberConfig{
		{Config: Config{Stream: testStream}},
		{Group: "g"},
		{Config: Config{Stream: testStream}, Group: "g", MaxInFlight: -1},
	} {
		_, err := NewSubscriber(nil, cfg)
		require.Error(t, err)
	}
	require.NotEqual(t, consumerName("a_b", "c"), consumerName("a", "b_c"))
	require.NotContains(t, consumerName("a.b", "c.*.>"), ".")
}
