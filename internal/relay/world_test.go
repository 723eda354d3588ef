package relay

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/eventlog/logtest"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type silent struct{}

func (silent) Relayed(int, uint64) {}

// system is a log, a NATS and as many relays as a test starts.
type system struct {
	*logtest.Log
	bus    *testkit.Bus
	limits Config // of which MaxBytes, MaxAge, Replicas and Guest are heeded
	log    io.Writer
}

func newSystem(t *testing.T) *system {
	t.Helper()
	return &system{Log: logtest.New(t), bus: testkit.NATS(t), log: io.Discard}
}

// append adds n events, each alone.
func (s *system) append(t *testing.T, n int) {
	t.Helper()
	for range n {
		s.Add(t, 1)
	}
}

// hasty is a log that whoever asks it has to have an end of patience with.
type hasty struct {
	Log
	t *testing.T
}

func (h hasty) look(ctx context.Context) {
	if _, ends := ctx.Deadline(); !ends {
		h.t.Error("the relay waits for the log for ever")
	}
}

func (h hasty) Read(ctx context.Context, after uint64, limit int) ([]events.Event, error) {
	h.look(ctx)
	return h.Log.Read(ctx, after, limit)
}

func (h hasty) History(ctx context.Context) (eventlog.History, error) {
	h.look(ctx)
	return h.Log.History(ctx)
}

func (h hasty) BeginIncarnation(ctx context.Context, seen events.ID, why string) (events.ID, error) {
	h.look(ctx)
	return h.Log.BeginIncarnation(ctx, seen, why)
}

// relay starts one and returns how to end it.
func (s *system) relay(t *testing.T) (*Relay, func()) {
	t.Helper()
	return s.relayOf(t, s.Relay)
}

// relayed has so many more events on the stream, and the relay that brought them gone.
func (s *system) relayed(t *testing.T, n int) {
	t.Helper()
	_, end := s.relay(t)
	s.append(t, n)
	s.agrees(t, 0)
	end()
}

// idle makes one on a log that may not be what it seems, and does not start it.
func (s *system) idle(t *testing.T, log Log) *Relay {
	t.Helper()
	conn := s.bus.Connect(nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	r, err := New(Config{
		Log: hasty{log, t}, NATS: conn, Ring: func() { _ = conn.Publish(wire.Appended, nil) }, Logger: slog.New(slog.NewTextHandler(s.log, nil)), Meter: silent{},
		MaxBytes: s.limits.MaxBytes, MaxAge: s.limits.MaxAge, Replicas: s.limits.Replicas, Guest: s.limits.Guest,
	})
	require.NoError(t, err)
	return r
}

// relayOf starts what idle makes.
func (s *system) relayOf(t *testing.T, log Log) (*Relay, func()) {
	t.Helper()
	r := s.idle(t, log)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.Run(ctx)
	}()
	ended := false
	end := func() {
		if !ended {
			ended = true
			cancel()
			testkit.Receive(t, done)
		}
	}
	t.Cleanup(end)
	return r, end
}

// agrees waits until the stream holds the log's last events, each once, in order,
// at the sequence that is its position.
func (s *system) agrees(t *testing.T, from uint64) {
	t.Helper()
	js := testkit.JetStream(t, s.bus.Connect(nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond)))
	logged, err := s.Read(t.Context(), from, 100_000)
	require.NoError(t, err)
	testkit.Eventually(t, func() error {
		stream, err := js.Stream(t.Context(), wire.Stream)
		if err != nil {
			return err
		}
		if last := stream.CachedInfo().State.LastSeq; last != from+uint64(len(logged)) {
			return fmt.Errorf("the stream ends at %d, the log at %d", last, from+uint64(len(logged)))
		}
		for _, e := range logged {
			m, err := stream.GetMsg(t.Context(), e.Position)
			if err != nil {
				return err
			}
			found, err := wire.Decode(bus.Message{Seq: m.Sequence, Header: m.Header, Data: m.Data})
			if err != nil {
				return err
			}
			if found.ID != e.ID || found.Version != e.Version || string(found.Raw) != string(e.Raw) || !found.OccurredAt.Equal(e.OccurredAt) {
				return fmt.Errorf("message %d is another event than the log's", e.Position)
			}
		}
		return nil
	})
}

// stream is a handle on whatever stream there is now.
func (s *system) stream(t *testing.T) jetstream.JetStream {
	t.Helper()
	return testkit.JetStream(t, s.bus.Connect(nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond)))
}

// created is when the stream was made.
func created(t *testing.T, js jetstream.JetStream) time.Time {
	t.Helper()
	stream, err := js.Stream(t.Context(), wire.Stream)
	require.NoError(t, err)
	return stream.CachedInfo().Created
}
