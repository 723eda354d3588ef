package eventlog

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/internal/vault"
)

// retries counts them, and has something done at the first.
type retries struct {
	silent
	n     atomic.Int64
	first func()
}

func (r *retries) Retried() {
	r.n.Add(1)
	r.first()
}

// The database is away while a log closes: what waits is tried a few times, as ever, and
// then told that the log cannot be reached.
func TestClosingIsNoHurry(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), testkit.Database(t, migrated).URL(postgres.RoleCommand), postgres.Options{MaxConns: 1})
	require.NoError(t, err)
	v, err := vault.New(pool, secret)
	require.NoError(t, err)
	closed := make(chan struct{})
	var l *Log
	r := &retries{}
	r.first = sync.OnceFunc(func() {
		go func() {
			l.Close()
			close(closed)
		}()
		<-l.stop
	})
	l = Open(Config{Pool: pool, Vault: v, Logger: slog.New(slog.DiscardHandler), Meter: r})
	pool.Close()
	e := point("x")
	require.NoError(t, l.Append(context.Background(), e))
	require.ErrorIs(t, e.Result.Err, ErrUnavailable)
	testkit.Receive(t, closed)
	require.LessOrEqual(t, r.n.Load(), int64(patience/retryAfter)+1)
}
