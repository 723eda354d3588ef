package relay

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

// amnesia is what can happen to the stream, whether anybody relays or not.
var amnesia = map[string]func(*testing.T, *system, jetstream.JetStream){
	"deleted": func(t *testing.T, _ *system, js jetstream.JetStream) {
		require.NoError(t, js.DeleteStream(t.Context(), wire.Stream))
	},
	"purged": func(t *testing.T, _ *system, js jetstream.JetStream) {
		stream, err := js.Stream(t.Context(), wire.Stream)
		require.NoError(t, err)
		require.NoError(t, stream.Purge(t.Context()))
	},
	"purged up to a message": func(t *testing.T, _ *system, js jetstream.JetStream) {
		stream, err := js.Stream(t.Context(), wire.Stream)
		require.NoError(t, err)
		require.NoError(t, stream.Purge(t.Context(), jetstream.WithPurgeSequence(7)))
	},
	"robbed of one message": func(t *testing.T, _ *system, js jetstream.JetStream) {
		testkit.Eventually(t, func() error { return rob(t.Context(), js) })
	},
	"ahead of the log": func(t *testing.T, _ *system, js jetstream.JetStream) {
		testkit.Eventually(t, func() error { return junk(t.Context(), js, 3) })
	},
	"begun anew at 1": func(t *testing.T, _ *system, js jetstream.JetStream) {
		testkit.Eventually(t, func() error { return beginAnew(t.Context(), js) })
	},
	"restored from an old copy": func(t *testing.T, s *system, js jetstream.JetStream) {
		s.replace(t, js, 5, s.Incarnation(t))
	},
	"of another history": func(t *testing.T, s *system, js jetstream.JetStream) {
		s.replace(t, js, 12, uuid.New())
	},
}

func TestStreamIsMadeAnewAtTheStart(t *testing.T) {
	t.Parallel()
	for name, spoil := range amnesia {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			s.relayed(t, 12)
			spoil(t, s, s.stream(t))
			_, _ = s.relay(t)
			s.agrees(t, 0)
		})
	}
}

// Nothing is appended after the loss: a relay notices by itself.
func TestRunningRelayMendsTheStream(t *testing.T) {
	t.Parallel()
	for name, spoil := range amnesia {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			r, _ := s.relay(t)
			s.Hand = r.Committed
			s.append(t, 12)
			s.agrees(t, 0)
			before := s.Incarnation(t)
			spoil(t, s, s.stream(t))
			s.agrees(t, 0)
			assert.Equal(t, before, s.Incarnation(t), "the log has not changed")
		})
	}
}

// The one that stands by mends the stream where the one at work has gone.
func TestStandbyMendsTheStream(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	first, end := s.relay(t)
	s.append(t, 3)
	s.agrees(t, 0)
	_, _ = s.relay(t)
	s.Hand = first.Committed
	s.append(t, 30) // one of the two is overtaken
	s.agrees(t, 0)
	end()
	amnesia["ahead of the log"](t, s, s.stream(t))
	s.agrees(t, 0)
}

// staleLog answers its first question for the history with what held before
// another relay published more.
type staleLog struct {
	eventlog.Reader
	asked   atomic.Int64
	between func()
}

func (l *staleLog) History(ctx context.Context) (eventlog.History, error) {
	h, err := l.Reader.History(ctx)
	if l.asked.Add(1) == 1 {
		l.between()
	}
	return h, err
}

func TestBusyStreamIsNotHeldForAhead(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	r, _ := s.relay(t)
	s.Hand = r.Committed
	s.append(t, 5)
	s.agrees(t, 0)
	js := s.stream(t)
	before, history := created(t, js), s.Incarnation(t)
	log := &staleLog{Reader: s.Relay, between: func() {
		s.append(t, 10)
		s.agrees(t, 0)
	}}
	_, _ = s.relayOf(t, log)
	testkit.Eventually(t, func() error {
		if n := log.asked.Load(); n < 4 { // it has agreed, and looked again
			return fmt.Errorf("asked %d times", n)
		}
		return nil
	})
	assert.Equal(t, before, created(t, js), "the stream was made anew")
	assert.Equal(t, history, s.Incarnation(t))
}

// histories is how many histories the log has had, and the last one's reason.
func (s *system) histories(t *testing.T) (n int, reason string) {
	t.Helper()
	err := s.Admin.QueryRow(t.Context(), `
		select count(*), (array_agg(reason order by began_at desc))[1] from sical.incarnation`).Scan(&n, &reason)
	require.NoError(t, err)
	return n, reason
}

// beginsAnew waits until the log has a second history, and the stream is of that.
func (s *system) beginsAnew(t *testing.T, before events.ID) {
	t.Helper()
	testkit.Eventually(t, func() error {
		if s.Incarnation(t) == before {
			return errors.New("no new incarnation")
		}
		return nil
	})
	s.agrees(t, 0)
	stream, err := s.stream(t).Stream(t.Context(), wire.Stream)
	require.NoError(t, err)
	m, err := stream.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, s.Incarnation(t).String(), m.Header.Get(wire.Incarnation))
	n, reason := s.histories(t)
	assert.Equal(t, 2, n, reason)
	assert.NotEmpty(t, reason)
}

func TestLogGoesBack(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(t *testing.T, s *system, end func()){
		"under a running relay": func(t *testing.T, s *system, _ func()) { s.PutBack(t, 8) },
		"and goes on before anybody relays": func(t *testing.T, s *system, end func()) {
			end()
			s.PutBack(t, 8)
			s.append(t, 9)
			_, _ = s.relay(t)
		},
		"and ends at the same position": func(t *testing.T, s *system, end func()) {
			end()
			s.PutBack(t, 8)
			s.append(t, 4)
			_, _ = s.relay(t)
		},
		"and the stream is lost as well": func(t *testing.T, s *system, _ func()) {
			s.PutBack(t, 8)
			amnesia["deleted"](t, s, s.stream(t))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			_, end := s.relay(t)
			s.append(t, 12)
			s.agrees(t, 0)
			before := s.Incarnation(t)
			then(t, s, end)
			s.beginsAnew(t, before)
		})
	}
}

// Where stream and relay are new, a view is the witness.
func TestViewAheadOfTheLog(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.append(t, 5)
	before := s.Incarnation(t)
	_, err := s.Admin.Exec(t.Context(), `insert into sical.projection (view, version, build, shard, position, incarnation) values ('goals', 1, 1, 0, 7, $1)`, before)
	require.NoError(t, err)
	_, _ = s.relay(t)
	s.agrees(t, 0)
	n, reason := s.histories(t)
	assert.Equal(t, 2, n)
	assert.Equal(t, "a view is at 7 and the log ends at 5", reason)
}

func TestRetentionIsUpdatedInPlace(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.relayed(t, 12)
	js := s.stream(t)
	before := created(t, js)
	s.limits = Config{MaxBytes: 4000, MaxAge: time.Minute}
	_, _ = s.relay(t)
	testkit.Eventually(t, func() error {
		stream, err := js.Stream(t.Context(), wire.Stream)
		if err != nil {
			return err
		}
		info := stream.CachedInfo()
		if info.Config.MaxBytes != 4000 || info.Config.MaxAge != time.Minute || info.Config.Duplicates > time.Second || info.State.FirstSeq == 1 {
			return fmt.Errorf("%+v", info)
		}
		return nil
	})
	s.append(t, 1)
	s.agrees(t, 12)
	assert.Equal(t, before, created(t, js), "what was discarded is not missed")
}
