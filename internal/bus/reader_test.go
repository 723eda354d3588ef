package bus

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// reading is a Read under way, whose batches and troubles come by channel.
type reading struct {
	batches  chan Batch
	troubles chan error
	done     chan error
}

func read(t *testing.T, js jetstream.JetStream, start uint64, maxMsgs int) *reading {
	t.Helper()
	ctx, cancel := context.WithCancel(ctxOf(t))
	r := &reading{batches: make(chan Batch), troubles: make(chan error, 100), done: make(chan error, 1)}
	reader := NewReader(js, testStream, func(err error) {
		select {
		case r.troubles <- err:
		default:
		}
	})
	go func() {
		r.done <- reader.Read(ctx, start, maxMsgs, func(b Batch) error {
			b.Messages = append([]Message(nil), b.Messages...)
			select {
			case r.batches <- b:
			case <-ctx.Done():
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, testkit.Receive(t, r.done), context.Canceled)
	})
	return r
}

// until collects the data of batches up to a sequence, and requires that the
// batches are chained and without a hole inside.
func (r *reading) until(t *testing.T, prev, last uint64) []string {
	t.Helper()
	var data []string
	for prev < last {
		select {
		case b := <-r.batches:
			require.Equal(t, prev, b.Prev)
			for i, m := range b.Messages {
				require.Equal(t, b.Messages[0].Seq+uint64(i), m.Seq)
				data = append(data, string(m.Data))
			}
			prev = b.Messages[len(b.Messages)-1].Seq
		case <-time.After(time.Minute):
			t.Fatalf("nothing arrived behind %d", prev)
		}
	}
	return data
}

// trouble waits for one that matches.
func (r *reading) trouble(t *testing.T, match func(error) bool) {
	t.Helper()
	for {
		select {
		case err := <-r.troubles:
			if match(err) {
				return
			}
		case <-time.After(time.Minute):
			t.Fatal("no such trouble reported")
		}
	}
}

func publish(t *testing.T, js jetstream.JetStream, last uint64, n int) {
	t.Helper()
	_, err := publisher(t, js).Publish(ctxOf(t), last, outgoing(int(last)+1, n))
	require.NoError(t, err)
}

func TestReadHandsOverInOrderFromAnySequence(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	publish(t, js, 0, 2500)

	require.Equal(t, counted(2500), read(t, js, 1, 1000).until(t, 0, 2500))
	require.Equal(t, counted(2500)[2000:], read(t, js, 2001, 7).until(t, 2000, 2500))

	// One that is ahead waits for its sequence.
	ahead := read(t, js, 2503, 10)
	publish(t, js, 2500, 5)
	require.Equal(t, counted(2505)[2502:], ahead.until(t, 2502, 2505))
}

func TestReadBoundsTheMessagesOfABatch(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	r := read(t, js, 1, 100)
	publish(t, js, 0, 1)
	first := testkit.Receive(t, r.batches)
	require.Len(t, first.Messages, 1)
	require.Equal(t, "x", first.Messages[0].Header.Get("ce-type"))
	require.Equal(t, "1", first.Messages[0].Header.Get(jetstream.MsgIDHeader))
	require.Equal(t, testSubject, first.Messages[0].Subject)
	require.False(t, first.Gap())

	publish(t, js, 1, 950)
	for prev := uint64(1); prev < 951; {
		b := testkit.Receive(t, r.batches)
		require.LessOrEqual(t, len(b.Messages), 100)
		prev = b.Messages[len(b.Messages)-1].Seq
	}
}

func TestReadBoundsTheBytesOfABatch(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	msgs := outgoing(1, 12)
	for _, m := range msgs {
		m.Data = []byte(strings.Repeat("x", maxReadBytes/2))
	}
	_, err := publisher(t, js).Publish(ctxOf(t), 0, msgs)
	require.NoError(t, err)
	r := read(t, js, 1, 1000)
	for prev := uint64(0); prev < 12; {
		b := testkit.Receive(t, r.batches)
		require.LessOrEqual(t, len(b.Messages), 2)
		prev = b.Messages[len(b.Messages)-1].Seq
	}
}

func TestReadReportsHoles(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	stream := ensure(t, js, 0)
	publish(t, js, 0, 100)
	require.NoError(t, stream.Purge(ctxOf(t), jetstream.WithPurgeSequence(51)))

	r := read(t, js, 11, 1000)
	b := testkit.Receive(t, r.batches)
	require.True(t, b.Gap())
	require.Equal(t, uint64(10), b.Prev)
	require.Equal(t, uint64(51), b.Messages[0].Seq)
}

// A batch is what has arrived, as much of it as one may hold, up to a hole.
func TestABatchIsWhatHasArrived(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		arrived []uint64
		want    []Batch
	}{
		{[]uint64{2, 3, 4, 5}, []Batch{{0, []Message{{Seq: 1}, {Seq: 2}, {Seq: 3}, {Seq: 4}}}}}, // the fifth is the next call's
		{[]uint64{2, 5, 6, 9}, []Batch{{0, []Message{{Seq: 1}, {Seq: 2}}}, {2, []Message{{Seq: 5}, {Seq: 6}}}, {6, []Message{{Seq: 9}}}}},
	} {
		var got []Batch
		f := feed{batch: make([]Message, 0, 4), fn: func(b Batch) error {
			b.Messages = append([]Message(nil), b.Messages...)
			got = append(got, b)
			return nil
		}}
		arrived := make(chan Message, 10)
		for _, seq := range c.arrived {
			arrived <- Message{Seq: seq}
		}
		require.NoError(t, f.hand(Message{Seq: 1}, arrived))
		require.Equal(t, c.want, got)
	}
}

func TestReadEndsWithTheFunctionsError(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ensure(t, js, 0)
	publish(t, js, 0, 1)
	want := errors.New("cannot")
	err := NewReader(js, testStream, nil).Read(ctxOf(t), 1, 10, func(Batch) error { return want })
	require.Equal(t, want, err)
	require.Eventually(t, func() bool { // sooner than the server drops what nobody uses
		s, err := js.Stream(ctxOf(t), testStream)
		return err == nil && s.CachedInfo().State.Consumers == 0
	}, 40*time.Second, time.Millisecond)
	require.Error(t, NewReader(js, testStream, nil).Read(ctxOf(t), 0, 10, nil))

	js.Conn().Close()
	err = NewReader(js, testStream, nil).Read(ctxOf(t), 1, 10, nil)
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
}

func TestReadOutlivesServerRestarts(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	js := b.connect(t)
	ensure(t, js, 0)
	r := read(t, js, 1, 50)
	for i := range 3 {
		last := uint64(i * 100)
		publishAt(t, js, last, 100)
		require.Equal(t, counted(int(last) + 100)[last:], r.until(t, last, last+100))
		b.stop()
		b.start(t)
	}
}

// publishAt publishes as soon as a restarted server takes it.
func publishAt(t *testing.T, js jetstream.JetStream, last uint64, n int) {
	t.Helper()
	p := NewSequencedPublisher(impatient(t, js), testStream)
	require.Eventually(t, func() bool {
		got, err := p.Publish(ctxOf(t), last, outgoing(int(last)+1, n))
		var wrong *WrongSequenceError
		return err == nil && got == last+uint64(n) || errors.As(err, &wrong) && wrong.Last == last+uint64(n)
	}, time.Minute, 10*time.Millisecond)
}

func TestReadOutlivesTheStream(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	r := read(t, js, 1, 50) // before there is a stream
	away := func(err error) bool { return errors.Is(err, jetstream.ErrStreamNotFound) }
	r.trouble(t, away)
	ensure(t, js, 0)
	publish(t, js, 0, 10)
	require.Equal(t, counted(10), r.until(t, 0, 10))

	// Deleted under the reader and made anew where it was: it goes on.
	for len(r.troubles) > 0 {
		<-r.troubles // from before
	}
	require.NoError(t, js.DeleteStream(ctxOf(t), testStream))
	r.trouble(t, away) // however it has noticed
	ensure(t, js, 11)
	publish(t, js, 10, 10)
	require.Equal(t, counted(20)[10:], r.until(t, 10, 20))

	// Made anew further on: a hole.
	require.NoError(t, js.DeleteStream(ctxOf(t), testStream))
	ensure(t, js, 31)
	publish(t, js, 30, 1)
	b := testkit.Receive(t, r.batches)
	require.True(t, b.Gap())
	require.Equal(t, uint64(20), b.Prev)

	// Made anew further back: said, and waited until it catches up.
	require.NoError(t, js.DeleteStream(ctxOf(t), testStream))
	ensure(t, js, 0)
	r.trouble(t, func(err error) bool {
		var behind *BehindError
		return errors.As(err, &behind) && *behind == BehindError{Last: 0, Next: 32}
	})
	publish(t, js, 0, 33)
	require.Equal(t, []string{strconv.Itoa(32), strconv.Itoa(33)}, r.until(t, 31, 33))
}
