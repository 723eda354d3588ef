package relay

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/internal/vault"
	"sical-backend/internal/wire"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func migrated(url string) error {
	_, err := postgres.Migrate(context.Background(), url)
	return err
}

type silent struct{}

func (silent) Appended(int, float64) {}
func (silent) Refused()              {}
func (silent) Retried()              {}
func (silent) Relayed(int, uint64)   {}

// system is a log, a NATS and as many relays as a test starts.
type system struct {
	log  *eventlog.Log
	url  string
	bus  *testkit.Bus
	hand func([]events.Event)
}

func newSystem(t *testing.T) *system {
	t.Helper()
	s := &system{url: testkit.Database(t, migrated).URL(postgres.RoleCommand), bus: testkit.NATS(t)}
	pool, err := postgres.Open(t.Context(), s.url, postgres.Options{MaxConns: 4})
	require.NoError(t, err)
	v, err := vault.New(pool, []byte("a master secret for tests, 32 bytes and more"))
	require.NoError(t, err)
	s.log = eventlog.Open(eventlog.Config{
		Pool: pool, Vault: v, Logger: slog.New(slog.DiscardHandler), Meter: silent{},
		Committed: func(list []events.Event) {
			if s.hand != nil {
				s.hand(list)
			}
		},
	})
	t.Cleanup(func() {
		s.log.Close()
		pool.Close()
	})
	return s
}

// append adds n events.
func (s *system) append(t *testing.T, n int) {
	t.Helper()
	for range n {
		id := uuid.New()
		stream := events.StreamOf(events.KindPoint, id)
		e := &eventlog.Entry{Subject: id, Stream: stream, Guards: []eventlog.Guard{{Stream: stream}}, Events: []eventlog.New{{
			Stream: stream, Data: &events.PointCreated{Title: "图 graph", Difficulty: 1}, OccurredAt: time.Now()}}}
		require.NoError(t, s.log.Append(t.Context(), e))
		require.NoError(t, e.Result.Err)
	}
}

// relay starts one and returns how to end it.
func (s *system) relay(t *testing.T) (*Relay, func()) {
	t.Helper()
	conn := s.bus.Connect(nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	r, err := New(Config{Log: s.log.Reader, NATS: conn, Logger: slog.New(slog.DiscardHandler), Meter: silent{}})
	require.NoError(t, err)
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
			<-done
		}
	}
	t.Cleanup(end)
	return r, end
}

// agrees waits until the stream holds the log's last events, each once, in order,
// at the sequence that is its position.
func (s *system) agrees(t *testing.T, from uint64) {
	t.Helper()
	js, err := jetstream.New(s.bus.Connect(nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond)))
	require.NoError(t, err)
	logged, err := s.log.Read(t.Context(), from, 100_000)
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

func TestRelayGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	for range 4 {
		s.append(t, 7) // while nobody relays
		r, end := s.relay(t)
		s.hand = r.Committed
		s.append(t, 20)
		end() // wherever it is
		s.hand = nil
	}
	_, _ = s.relay(t)
	s.agrees(t, 0)
}

func TestTwoRelaysDoNotInterleave(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	first, end := s.relay(t)
	second, _ := s.relay(t)
	s.hand = func(list []events.Event) {
		first.Committed(list)
		second.Committed(list)
	}
	s.append(t, 60)
	s.agrees(t, 0)
	end()
	s.append(t, 20) // the one that stood by takes over
	s.agrees(t, 0)
}

func TestNATSGoesAndComes(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	r, _ := s.relay(t)
	s.hand = r.Committed
	s.append(t, 5)
	s.agrees(t, 0)
	s.bus.Stop()
	s.append(t, 30) // commands do not wait for it
	s.bus.Start()
	s.agrees(t, 0)
}

func TestStreamIsMadeAnew(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*testing.T, *system, jetstream.JetStream){
		"deleted": func(t *testing.T, _ *system, js jetstream.JetStream) {
			require.NoError(t, js.DeleteStream(t.Context(), wire.Stream))
		},
		"ahead of the log": func(t *testing.T, _ *system, js jetstream.JetStream) {
			for range 3 {
				_, err := js.Publish(t.Context(), "sical.events.goal", []byte("{}"))
				require.NoError(t, err)
			}
		},
		"of another history": func(t *testing.T, s *system, js jetstream.JetStream) {
			require.NoError(t, js.DeleteStream(t.Context(), wire.Stream))
			_, err := bus.EnsureStream(t.Context(), js, jetstream.StreamConfig{Name: wire.Stream, Subjects: []string{wire.Subjects}}, 1)
			require.NoError(t, err)
			logged, err := s.log.Read(t.Context(), 0, 4)
			require.NoError(t, err)
			for _, e := range logged {
				m := wire.Encode(e, uuid.NewString())
				_, err := bus.NewSequencedPublisher(js, wire.Stream).Publish(t.Context(), e.Position-1, []*bus.Message{m})
				require.NoError(t, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			_, end := s.relay(t)
			s.append(t, 12)
			s.agrees(t, 0)
			end()
			js, err := jetstream.New(s.bus.Connect(nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond)))
			require.NoError(t, err)
			spoil(t, s, js)
			_, _ = s.relay(t)
			s.agrees(t, 0)
		})
	}
}
