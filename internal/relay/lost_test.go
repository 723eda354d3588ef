package relay

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
)

// frailLog is a log whose server fails over: while a test holds it, nothing is answered, and
// so many times no new history can be begun.
type frailLog struct {
	eventlog.Reader
	held     sync.RWMutex
	refusals atomic.Int64
}

func (l *frailLog) Read(ctx context.Context, after uint64, limit int) ([]events.Event, error) {
	l.held.RLock()
	defer l.held.RUnlock()
	return l.Reader.Read(ctx, after, limit)
}

func (l *frailLog) History(ctx context.Context) (eventlog.History, error) {
	l.held.RLock()
	defer l.held.RUnlock()
	return l.Reader.History(ctx)
}

func (l *frailLog) BeginIncarnation(ctx context.Context, seen events.ID, why string) (events.ID, error) {
	if l.refusals.Add(-1) >= 0 {
		return events.ID{}, errors.New("cannot execute UPDATE in a read-only transaction")
	}
	return l.Reader.BeginIncarnation(ctx, seen, why)
}

// With the stream, the last witness but the relay itself is lost: it must not forget either.
func TestLogGoesBackAndNoHistoryBegins(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	log := &frailLog{Reader: s.Relay}
	log.refusals.Store(1)
	_, _ = s.relayOf(t, log)
	s.append(t, 12)
	s.agrees(t, 0)
	before := s.Incarnation(t)
	log.held.Lock()
	s.PutBack(t, 8)
	amnesia["deleted"](t, s, s.stream(t))
	log.held.Unlock()
	s.beginsAnew(t, before)
}

// While a pooler holds what is asked until another server answers, there is no error. What is
// lost then has other events in its place, and the log is longer than ever. The stream may
// be lost with it.
func TestLogGoesBackAndGrowsUnseen(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*testing.T, *system, jetstream.JetStream){
		"and the stream is as it was":  func(*testing.T, *system, jetstream.JetStream) {},
		"and the stream is lost":       amnesia["deleted"],
		"and the stream is emptied":    amnesia["purged"],
		"and the stream is an old one": amnesia["restored from an old copy"],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			log := &frailLog{Reader: s.Relay}
			_, _ = s.relayOf(t, log)
			s.append(t, 12)
			s.agrees(t, 0)
			before := s.Incarnation(t)
			log.held.Lock()
			s.PutBack(t, 8)
			s.append(t, 10)
			spoil(t, s, s.stream(t))
			log.held.Unlock()
			s.beginsAnew(t, before)
		})
	}
}

// The log has grown between what it was asked and the look at the stream: what was found there
// is known to have been in it.
func TestLogGoesBackBehindWhatWasFound(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.append(t, 5)
	before := s.Incarnation(t)
	r := s.idle(t, &staleLog{Reader: s.Relay, between: func() { s.relayed(t, 7) }})
	require.NoError(t, r.agree(t.Context()))
	s.PutBack(t, 8)
	amnesia["deleted"](t, s, s.stream(t))
	require.NoError(t, r.agree(t.Context()))
	require.NoError(t, r.catchUp(t.Context()))
	s.beginsAnew(t, before)
}

// What was published in a history that has ended is no witness against the next one.
func TestLostHistoryHasEndedSince(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.append(t, 12)
	before := s.Incarnation(t)
	r := s.idle(t, s.Relay)
	require.NoError(t, r.agree(t.Context()))
	require.NoError(t, r.catchUp(t.Context()))
	s.PutBack(t, 8)
	s.append(t, 10)
	next, err := s.Relay.BeginIncarnation(t.Context(), before, "another has found it")
	require.NoError(t, err)
	for range 2 { // the stream may be out of reach in between
		_, err := r.recall(t.Context())
		require.NoError(t, err)
	}
	assert.Equal(t, next, s.Incarnation(t))
}

func TestNothingIsPublishedOnWhatWasLost(t *testing.T) {
	t.Parallel()
	for name, publish := range map[string]func(context.Context, *Relay, []events.Event) error{
		"read":   func(ctx context.Context, r *Relay, _ []events.Event) error { return r.catchUp(ctx) },
		"handed": func(ctx context.Context, r *Relay, list []events.Event) error { return r.forward(ctx, list) },
	} {
		for behind, found := range map[string]bool{"behind its own": false, "behind what was found": true} {
			t.Run(name+" "+behind, func(t *testing.T) {
				t.Parallel()
				s := newSystem(t)
				s.append(t, 12)
				before := s.Incarnation(t)
				r := s.idle(t, s.Relay)
				require.NoError(t, r.agree(t.Context()))
				require.NoError(t, r.catchUp(t.Context()))
				if found {
					r = s.idle(t, s.Relay)
					require.NoError(t, r.agree(t.Context()))
				}
				s.PutBack(t, 8)
				s.append(t, 10)
				list, err := s.Read(t.Context(), 8, 10)
				require.NoError(t, err)
				require.ErrorIs(t, publish(t.Context(), r, list), errLost)
				require.NoError(t, r.agree(t.Context()), "the stream still is a witness")
				require.NoError(t, r.catchUp(t.Context()))
				s.beginsAnew(t, before)
			})
		}
	}
}
