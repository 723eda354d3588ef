package relay

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

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
// lost then has other events in its place, and the log is longer than ever.
func TestLogGoesBackAndGrowsUnseen(t *testing.T) {
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
	log.held.Unlock()
	s.beginsAnew(t, before)
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
