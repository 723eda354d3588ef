package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/pause"
	"sical-backend/internal/testkit"
)

// stored reads the data of everything in the stream, straight from the server.
func stored(t *testing.T, stream jetstream.Stream) (data []string) {
	t.Helper()
	// Without a deadline: the client's own timeout, as a server that restarted may have
	// taken an answer with it.
	ctx := context.Background()
	testkit.Eventually(t, func() error {
		data = nil
		info, err := stream.Info(ctx)
		if err != nil {
			return err
		}
		for seq := max(info.State.FirstSeq, 1); seq <= info.State.LastSeq; seq++ {
			m, err := stream.GetMsg(ctx, seq)
			if err != nil {
				return fmt.Errorf("sequence %d: %w", seq, err)
			}
			data = append(data, string(m.Data))
		}
		return nil
	})
	return data
}

func counted(n int) []string {
	want := make([]string, n)
	for i := range want {
		want[i] = strconv.Itoa(i + 1)
	}
	return want
}

func TestSequencedPublishesInOrderAcrossBatches(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	stream := ensure(t, js, 0)
	p := publisher(t, js)

	// One message, the most that go singly and one more, the most that fit a batch and one more.
	last := uint64(0)
	for _, n := range []int{1, fewMsgs, fewMsgs + 1, maxBatchMsgs, maxBatchMsgs + 1} {
		got, err := p.Publish(ctxOf(t), last, outgoing(int(last)+1, n))
		require.NoError(t, err)
		last += uint64(n)
		require.Equal(t, last, got)
	}
	require.Equal(t, counted(int(last)), stored(t, stream))
}

func TestSequencedBoundsTheBytesOfABatch(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	stream := ensure(t, js, 0)
	const n = 3 * 15 // more than a few
	msgs := outgoing(1, n)
	for _, m := range msgs {
		m.Data = []byte(strings.Repeat("学", maxBatchBytes/3/16)) // a sixteenth, headers aside
	}
	last, err := publisher(t, js).Publish(ctxOf(t), 0, msgs)
	require.NoError(t, err)
	require.Equal(t, uint64(n), last)

	// Each batch is marked on its messages.
	batches := map[string]int{}
	for seq := uint64(1); seq <= last; seq++ {
		m, err := stream.GetMsg(ctxOf(t), seq)
		require.NoError(t, err)
		batches[m.Header.Get("Nats-Batch-Id")]++
	}
	require.Len(t, batches, 3)
}

func TestSequencedRefusals(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	stream := ensure(t, js, 0)
	p := publisher(t, js)
	_, err := p.Publish(ctxOf(t), 0, outgoing(1, 5))
	require.NoError(t, err)

	wrong := func(expected uint64, msgs []*Message) {
		t.Helper()
		last, err := p.Publish(ctxOf(t), expected, msgs)
		var e *WrongSequenceError
		require.ErrorAs(t, err, &e)
		require.Equal(t, WrongSequenceError{Expected: expected, Last: 5}, *e)
		require.Equal(t, expected, last)
	}
	wrong(3, outgoing(100, 1))  // stale, one
	wrong(3, outgoing(100, 3))  // stale, a few, of which the third would fit
	wrong(3, outgoing(100, 30)) // stale, a batch
	wrong(9, outgoing(100, 30)) // the stream has lost something
	wrong(0, outgoing(1, 5))    // a second try of what had succeeded
	wrong(0, outgoing(1, 30))
	wrong(4, outgoing(5, 1)) // the same with one message
	wrong(0, outgoing(2, 1)) // a known id that is elsewhere

	_, err = p.Publish(ctxOf(t), 5, outgoing(1, 30))
	require.ErrorIs(t, err, ErrDuplicateID)
	_, err = p.Publish(ctxOf(t), 5, outgoing(1, 1))
	require.ErrorIs(t, err, ErrDuplicateID)
	_, err = p.Publish(ctxOf(t), 5, []*Message{{Subject: testSubject}})
	require.ErrorIs(t, err, ErrNoID)
	_, err = p.Publish(ctxOf(t), 5, []*Message{{Subject: testSubject, ID: "x", Header: nats.Header{"a": {"b\r\nNats-Rollup: all"}}}})
	require.ErrorIs(t, err, ErrInvalidHeader)
	_, err = p.Publish(ctxOf(t), 5, []*Message{{Subject: "nobody.listens", ID: "x"}, {Subject: "nobody.listens", ID: "y"}})
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrUnknownOutcome)

	require.Equal(t, counted(5), stored(t, stream))
}

func TestSequencedSaysWhenTheOutcomeIsUnknown(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	js := b.connect(t)
	stream := ensure(t, js, 0)
	p := NewSequencedPublisher(impatient(t, js), testStream)
	b.stop()
	for _, n := range []int{1, 30} {
		_, err := p.Publish(ctxOf(t), 0, outgoing(1, n))
		require.ErrorIs(t, err, ErrUnknownOutcome)
	}
	b.start(t)

	// What waited in the client's buffer may still arrive: the same messages
	// again lead to the same stream, whichever of them are first.
	publishAll(t, p, 30)
	require.Equal(t, counted(30), stored(t, stream))
}

// publishAll does what a relay does: publish 1..n, and begin again where the
// stream ends after any error.
func publishAll(t *testing.T, p *SequencedPublisher, n int) {
	t.Helper()
	var last uint64
	for ctx := ctxOf(t); last < uint64(n); {
		size := min(1+int(last)%(2*fewMsgs), n-int(last)) // some batches, some not
		got, err := p.Publish(ctx, last, outgoing(int(last)+1, size))
		last = got
		var wrong *WrongSequenceError
		switch {
		case errors.As(err, &wrong):
			last = wrong.Last
		case err != nil:
			require.NoError(t, ctx.Err())
			require.True(t, pause.For(ctx, 10*time.Millisecond)) // the server is restarting
		}
	}
}

// Several relays publish one log at the same time, each believing itself alone.
func TestSequencedPublishersRacingDoNotInterleave(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	stream := ensure(t, b.connect(t), 0)
	const n = 500
	var relays sync.WaitGroup
	for range 3 {
		p := NewSequencedPublisher(b.connect(t), testStream)
		relays.Go(func() { publishAll(t, p, n) })
	}
	relays.Wait()
	require.Equal(t, counted(n), stored(t, stream))
}

// The server is killed and started again while a relay publishes.
func TestSequencedPublisherOutlivesRestarts(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	stream := ensure(t, b.connect(t), 0)
	const n = 600
	p := NewSequencedPublisher(impatient(t, b.connect(t)), testStream)
	done := make(chan struct{})
	go func() {
		defer close(done)
		publishAll(t, p, n)
	}()
	for _, at := range []uint64{n / 4, n / 2} {
		require.Eventually(t, func() bool {
			// Without a deadline: the client's own timeout, as the answer may be lost.
			info, err := stream.Info(context.Background())
			return err == nil && info.State.LastSeq >= at
		}, time.Minute, time.Millisecond)
		b.stop()
		b.start(t)
	}
	testkit.Receive(t, done)
	require.Equal(t, counted(n), stored(t, stream))
}

func TestEnsureStream(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	ctx := ctxOf(t)
	stream := ensure(t, js, 101)
	cfg := stream.CachedInfo().Config
	require.Equal(t, int64(defaultMaxBytes), cfg.MaxBytes)
	require.True(t, cfg.AllowAtomicPublish && cfg.DenyDelete)

	last, err := publisher(t, js).Publish(ctx, 100, outgoing(101, 3))
	require.NoError(t, err)
	require.Equal(t, uint64(103), last)

	// An existing stream takes the new settings and keeps what it has.
	stream, err = EnsureStream(ctx, js, jetstream.StreamConfig{Name: testStream, Subjects: []string{"test.>"}, MaxAge: time.Hour}, 500)
	require.NoError(t, err)
	info, err := stream.Info(ctx)
	require.NoError(t, err)
	require.Equal(t, time.Hour, info.Config.MaxAge)
	require.Equal(t, uint64(103), info.State.LastSeq)

	_, err = EnsureStream(ctx, js, jetstream.StreamConfig{Name: "bad name"}, 0)
	require.Error(t, err)
}

func TestEnsureStreamByManyAtOnce(t *testing.T) {
	t.Parallel()
	js := newBroker(t).connect(t)
	var all sync.WaitGroup
	errs := make(chan error, 8)
	for i := range cap(errs) {
		all.Go(func() {
			cfg := jetstream.StreamConfig{Name: testStream, Subjects: []string{"test.>"}, Description: fmt.Sprint(i)}
			_, err := EnsureStream(ctxOf(t), js, cfg, uint64(i+1))
			errs <- err
		})
	}
	all.Wait()
	for range cap(errs) {
		require.NoError(t, testkit.Receive(t, errs))
	}
}
