package cache

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// TestWithoutRoomNothingBegins: what is there is given, whoever asks for what is being
// loaded waits for it, and nobody else has anything begun.
func TestWithoutRoomNothingBegins(t *testing.T) {
	t.Parallel()
	full := errors.New("no room")
	crowded := func(key string) Question {
		q := question("another", 10)
		q.Key, q.Room = key, func() error { return full }
		return q
	}
	f := loaded(t)
	a, err := f.c.Do(t.Context(), crowded("q"))
	require.NoError(t, err)
	require.Equal(t, "old", string(a.Body))

	began, finish := make(chan struct{}), make(chan struct{})
	slow := question("slow", 10)
	load := slow.Load
	slow.Key, slow.Load = "slow", func(ctx context.Context) (Answer, error) {
		close(began)
		<-finish
		return load(ctx)
	}
	first := ask(f.c, slow)
	testkit.Receive(t, began)
	left, leave := context.WithCancel(t.Context())
	leave()
	_, err = f.c.Do(left, crowded("slow"))
	require.ErrorIs(t, err, context.Canceled, "while it waited")

	_, err = f.c.Do(t.Context(), crowded("more"))
	require.ErrorIs(t, err, full)
	require.Len(t, f.c.flights, 1)

	second := ask(f.c, crowded("slow"))
	close(finish)
	require.Equal(t, "slow", testkit.Receive(t, first))
	require.Equal(t, "slow", testkit.Receive(t, second), "loaded for another, or just now")
	_, kept := f.c.Lookup("more", 0)
	require.False(t, kept)
}
