package bus

import (
	"bytes"
	"context"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// All benchmarks use 400 bytes of data and the headers an event has, on an
// in-process connection to a server that syncs always.

func benchEvents(n int) []*Message {
	data := bytes.Repeat([]byte("x"), 400)
	msgs := make([]*Message, n)
	for i := range msgs {
		msgs[i] = &Message{
			Subject: testSubject, ID: watermill.NewUUID(), Data: data,
			Header: nats.Header{
				"ce-id":      {watermill.NewUUID()},
				"ce-type":    {"goal.created.v1"},
				"ce-source":  {"/sical"},
				"ce-subject": {watermill.NewUUID()},
				"ce-time":    {"2026-01-02T03:04:05.678Z"},
			},
		}
	}
	return msgs
}

func benchStream(b *testing.B) jetstream.JetStream {
	b.Helper()
	broker := newBroker(b)
	js := broker.connect(b, nats.InProcessServer(broker.server))
	ensure(b, js, 0)
	return js
}

func perSecond(b *testing.B, n int) {
	b.Helper()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "msg/s")
}

func BenchmarkPublishSequenced(b *testing.B) {
	for _, size := range []int{1, 10, 100, 1000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			js := benchStream(b)
			p := NewSequencedPublisher(js, testStream)
			var last uint64
			for b.Loop() {
				b.StopTimer()
				msgs := benchEvents(size)
				b.StartTimer()
				var err error
				last, err = p.Publish(context.Background(), last, msgs)
				require.NoError(b, err)
			}
			perSecond(b, int(last))
		})
	}
}

// What a sequenced publisher is measured against: one by one, and without
// awaiting each acknowledgement, neither of which fences.
func BenchmarkPublishPlain(b *testing.B) {
	plain := func(m *Message) *nats.Msg {
		return &nats.Msg{Subject: m.Subject, Data: m.Data, Header: m.Header}
	}
	b.Run("one by one", func(b *testing.B) {
		js := benchStream(b)
		msg := benchEvents(1)[0]
		for b.Loop() {
			_, err := js.PublishMsg(context.Background(), plain(msg))
			require.NoError(b, err)
		}
		perSecond(b, b.N)
	})
	b.Run("async", func(b *testing.B) {
		js := benchStream(b)
		msg := benchEvents(1)[0]
		for b.Loop() {
			_, err := js.PublishMsgAsync(plain(msg), jetstream.WithStallWait(time.Minute))
			require.NoError(b, err)
		}
		<-js.PublishAsyncComplete()
		perSecond(b, b.N)
	})
}

func fill(b *testing.B, js jetstream.JetStream, n int) {
	b.Helper()
	_, err := NewSequencedPublisher(js, testStream).Publish(context.Background(), 0, benchEvents(n))
	require.NoError(b, err)
}

func BenchmarkRead(b *testing.B) {
	const stored = 200_000
	js := benchStream(b)
	fill(b, js, stored)
	for b.Loop() {
		ctx, cancel := context.WithCancel(context.Background())
		err := NewReader(js, testStream, nil).Read(ctx, 1, 1000, func(batch Batch) error {
			if batch.Messages[len(batch.Messages)-1].Seq == stored {
				cancel()
			}
			return nil
		})
		require.ErrorIs(b, err, context.Canceled)
	}
	perSecond(b, b.N*stored)
}

// BenchmarkReadLatency is the time from the publisher's acknowledgement and
// from its call to the reader's function, one message at a time.
func BenchmarkReadLatency(b *testing.B) {
	js := benchStream(b)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	seen := make(chan time.Time)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = NewReader(js, testStream, nil).Read(ctx, 1, 1000, func(Batch) error {
			seen <- time.Now()
			return nil
		})
	}()
	p := NewSequencedPublisher(js, testStream)
	var last uint64
	var afterAck, afterCall []time.Duration
	for b.Loop() {
		called := time.Now()
		acked := make(chan time.Time, 1)
		go func() {
			var err error
			last, err = p.Publish(ctx, last, benchEvents(1))
			acked <- time.Now()
			require.NoError(b, err)
		}()
		arrived := <-seen
		afterCall = append(afterCall, arrived.Sub(called))
		afterAck = append(afterAck, arrived.Sub(<-acked))
	}
	cancel()
	<-done
	for name, times := range map[string][]time.Duration{"call": afterCall, "ack": afterAck} {
		sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
		b.ReportMetric(float64(times[len(times)/2].Nanoseconds()), "p50-ns-after-"+name)
		b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds()), "p99-ns-after-"+name)
	}
}

func BenchmarkSubscribe(b *testing.B) {
	for _, inFlight := range []int{1, 100} {
		b.Run(strconv.Itoa(inFlight), func(b *testing.B) {
			const stored = 10_000
			js := benchStream(b)
			fill(b, js, stored)
			for b.Loop() {
				sub, err := NewSubscriber(js, SubscriberConfig{
					Config: Config{Stream: testStream}, Group: watermill.NewUUID(), MaxInFlight: inFlight,
				})
				require.NoError(b, err)
				messages, err := sub.Subscribe(context.Background(), testSubject)
				require.NoError(b, err)
				for range stored {
					(<-messages).Ack()
				}
				require.NoError(b, sub.Close())
			}
			perSecond(b, b.N*stored)
		})
	}
}

func BenchmarkPublisher(b *testing.B) {
	js := benchStream(b)
	p, err := NewPublisher(js, Config{Stream: testStream})
	require.NoError(b, err)
	for b.Loop() {
		b.StopTimer()
		msgs := make([]*message.Message, 1000)
		for i, e := range benchEvents(len(msgs)) {
			msgs[i] = message.NewMessage(e.ID, e.Data)
		}
		b.StartTimer()
		require.NoError(b, p.Publish(testSubject, msgs...))
	}
	perSecond(b, b.N*1000)
}
