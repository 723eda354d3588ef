package reaction

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// failing is a reaction that fails with err, and notes when it was tried.
type failing struct {
	edited
	err   error
	tried []time.Time
}

func (f *failing) React(context.Context, events.ID, events.ID, events.Event) error {
	f.tried = append(f.tried, time.Now())
	return f.err
}

// TestQuickRetries: each pause is First, twice that and so on, up to Slow, spread by half; and
// what only others can do, or nobody wants, is not tried again.
func TestQuickRetries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		pauses []time.Duration
	}{
		"failed":   {errors.New("it answered 503"), []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 7 * time.Second, 7 * time.Second}},
		"unwanted": {fmt.Errorf("%w: it answered 410", ErrUnwanted), nil},
		"unknown":  {fmt.Errorf("%w: later/1", ErrUnknown), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &failing{err: c.err}
				patience := Patience{Quick: 5, First: time.Second, Slow: 7 * time.Second, Slowest: time.Hour, GiveUp: time.Hour}
				r := New(Config{Log: f, Reaction: f, Patience: patience, Meter: f, Logger: slog.New(slog.DiscardHandler)})
				ctx, cancel := context.WithCancel(t.Context())
				s := newSource(ctx, r, events.ID{1}, 0)
				router, err := r.router(s)
				require.NoError(t, err)
				done := make(chan error, 1)
				go func() { done <- router.Run(ctx) }()
				defer func() {
					cancel()
					close(s.out) // as keep does
					require.NoError(t, <-done)
				}()
				for range 20 { // as the pauses are of chance
					f.tried = nil
					d := &delivery{consumer: uuid.New(), event: events.Event{Position: 1}}
					acked, err := s.offer(ctx, d)
					require.NoError(t, err)
					require.False(t, acked)
					require.ErrorIs(t, d.err, c.err)
					require.Len(t, f.tried, 1+len(c.pauses))
					for i, want := range c.pauses {
						pause := f.tried[i+1].Sub(f.tried[i])
						require.GreaterOrEqual(t, pause, want/2, "pause %d", i+1)
						require.Less(t, pause, want+want/2, "pause %d", i+1)
					}
				}
			})
		})
	}
}

// TestPoisonIsTriedOnce: whoever parks it sees what it failed with.
func TestPoisonIsTriedOnce(t *testing.T) {
	t.Parallel()
	r := New(Config{Patience: Patience{Quick: 3, First: time.Millisecond, Slow: time.Millisecond}})
	for name, handle := range map[string]func() error{
		"an error": func() error { return fmt.Errorf("%w: no JSON", ErrPoison) },
		"a panic":  func() error { panic("no JSON") },
	} {
		tries := 0
		_, err := r.retry(middleware.Recoverer(func(*message.Message) ([]*message.Message, error) {
			tries++
			return nil, handle()
		}))(message.NewMessage("7", nil))
		require.True(t, poisonous(err), name)
		require.Equal(t, 1, tries, name)
	}
}

// TestNoRetryOutlivesItsContext: whoever loses a consumer waits for nothing.
func TestNoRetryOutlivesItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Config{Patience: Patience{Quick: 3, First: time.Hour, Slow: time.Hour}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		msg := message.NewMessage("7", nil)
		msg.SetContext(ctx)
		begun, tries, failed := time.Now(), 0, errors.New("it answered 503")
		_, err := r.retry(func(*message.Message) ([]*message.Message, error) {
			tries++
			return nil, failed
		})(msg)
		require.ErrorIs(t, err, failed)
		require.Equal(t, 1, tries)
		require.Equal(t, time.Minute, time.Since(begun))
	})
}
