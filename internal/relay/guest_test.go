package relay

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

// keeps is what the stream is configured to keep.
func (s *system) keeps(t *testing.T) Config {
	t.Helper()
	stream, err := s.stream(t).Stream(t.Context(), wire.Stream)
	require.NoError(t, err)
	found := stream.CachedInfo().Config
	return Config{MaxBytes: found.MaxBytes, MaxAge: found.MaxAge, Replicas: found.Replicas}
}

// watched starts a relay and returns a wait until it has agreed with the stream, and looked
// at it once more since the wait began.
func (s *system) watched(t *testing.T) (looked func()) {
	t.Helper()
	log := &staleLog{Reader: s.Relay, between: func() {}}
	_, _ = s.relayOf(t, log)
	return func() {
		t.Helper()
		before := log.asked.Load()
		testkit.Eventually(t, func() error {
			if n := log.asked.Load(); n < before+4 {
				return fmt.Errorf("asked %d times", n)
			}
			return nil
		})
	}
}

// The limits of a stream are its owner's, who may have begun it with others than a guest has.
func TestGuestLeavesWhatTheStreamKeeps(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*testing.T, *system, jetstream.JetStream){
		"as it is":          func(*testing.T, *system, jetstream.JetStream) {},
		"made anew by it":   amnesia["ahead of the log"],
		"deleted by others": amnesia["deleted"],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			s.limits = Config{MaxBytes: 50 << 20}
			s.relayed(t, 12)
			s.limits = Config{MaxBytes: 4000, MaxAge: time.Minute, Guest: true}
			s.watched(t)()
			require.Equal(t, Config{MaxBytes: 50 << 20, Replicas: 1}, s.keeps(t))
			spoil(t, s, s.stream(t))
			s.append(t, 1)
			s.agrees(t, 0)
			assert.Equal(t, Config{MaxBytes: 50 << 20, Replicas: 1}, s.keeps(t))
		})
	}
}

// A lone server would refuse three replicas, whether a stream is changed or made.
func TestGuestLeavesTheReplicas(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.relayed(t, 12)
	s.limits = Config{Replicas: 3, Guest: true}
	amnesia["ahead of the log"](t, s, s.stream(t))
	_, _ = s.relay(t)
	s.agrees(t, 0)
}

func TestGuestMakesTheStreamWhereThereIsNone(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.limits = Config{MaxBytes: 8 << 20, MaxAge: time.Minute, Guest: true}
	_, _ = s.relay(t)
	s.append(t, 3)
	s.agrees(t, 0)
	assert.Equal(t, Config{MaxBytes: 8 << 20, MaxAge: time.Minute, Replicas: 1}, s.keeps(t))
}

// What goes by a limit that somebody has given the stream since was not purged.
func TestWhatGrewTooOldIsNotMissed(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	looked := s.watched(t)
	s.append(t, 12)
	s.agrees(t, 0)
	js := s.stream(t)
	age(t, js)
	before := created(t, js)
	looked()
	assert.Equal(t, before, created(t, js), "the stream was made anew")
}

// age gives the stream a limit that all its messages are beyond a second later, and waits
// until they have gone.
func age(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	stream, err := js.Stream(t.Context(), wire.Stream)
	require.NoError(t, err)
	config := stream.CachedInfo().Config
	config.MaxAge = time.Second
	_, err = js.UpdateStream(t.Context(), config)
	require.NoError(t, err)
	testkit.Eventually(t, func() error {
		info, err := stream.Info(t.Context())
		if err == nil && info.State.Msgs > 0 {
			err = errors.New("they are there")
		}
		return err
	})
}

// By a limit that was raised since, what has gone could still be there.
func TestWhatWentByALowerLimitIsNotMissed(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.relayed(t, 12)
	js := s.stream(t)
	age(t, js)
	before := created(t, js)
	s.limits = Config{MaxAge: time.Hour}
	looked := s.watched(t)
	s.append(t, 3)
	s.agrees(t, 12)
	looked()
	assert.Equal(t, before, created(t, js), "the stream was made anew")
	amnesia["purged"](t, s, js)
	s.agrees(t, 0) // what comes since is missed as ever
}
