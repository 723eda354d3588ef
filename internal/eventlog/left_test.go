package eventlog

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// Who leaves while another's batch is at work has nothing appended any more, and leaves
// nothing behind in the queue; what the writer has taken ends by itself.
func TestWhoLeavesBeforeTheirTurn(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	proxy := testkit.Proxy(t, db.Socket())
	p := open(t, db.Through(proxy, postgres.RoleCommand))
	require.NoError(t, p.Append(t.Context(), point("before")))
	leave, left := context.WithCancel(t.Context())
	ask := func(e *Entry) <-chan error {
		answer := make(chan error, 1)
		go func() { answer <- p.Append(leave, e) }()
		return answer
	}
	proxy.Blackhole(true)
	first, second := point("at work"), point("queued")
	atWork := ask(first)
	testkit.Eventually(t, func() error {
		if proxy.Held() == 0 {
			return errors.New("the call is not on its way")
		}
		return nil
	})
	queued := ask(second)
	testkit.Eventually(t, func() error {
		if len(p.queue) == 0 {
			return errors.New("the second is not queued")
		}
		return nil
	})
	left()
	require.ErrorIs(t, testkit.Receive(t, atWork), context.Canceled)
	require.ErrorIs(t, testkit.Receive(t, queued), context.Canceled)
	require.Empty(t, second.request.entries)
	proxy.Blackhole(false)

	last := point("after")
	require.NoError(t, p.Append(t.Context(), last))
	require.NoError(t, last.Result.Err)
	log, err := p.Read(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, log, 3)
	require.Equal(t, first.Stream, log[1].Stream)
	require.Equal(t, last.Stream, log[2].Stream)
}
