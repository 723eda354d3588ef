package relay

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

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
