package webhook

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/internal/web"
)

// A database that falls silent between two deliveries is not waited for without an end.
func TestSilentDatabaseIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	proxy := testkit.Proxy(t, w.db.Socket())
	pool, err := postgres.Open(t.Context(), w.db.Through(proxy, postgres.RoleReaction), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	r := newReceiver(t, nil)
	id := w.hook(r.URL, "point.*")
	w.points(1)
	list, err := eventlog.NewReader(w.pool).Read(t.Context(), w.head()-1, 1)
	require.NoError(t, err)
	client := web.NewOutsideClient(loopback)
	t.Cleanup(client.CloseIdleConnections)
	hooks := New(Config{Pool: pool, Log: w.log, Vault: w.vault, Client: client, Logger: w.logger, Now: time.Now})
	_, err = hooks.Consumers(t.Context())
	require.NoError(t, err)
	react := func() error { return hooks.React(context.Background(), id, uuid.New(), list[0]) }
	require.NoError(t, react())
	r.subjects(t, 1)

	hooks.patience = 50 * time.Millisecond
	proxy.Blackhole(true)
	defer proxy.Blackhole(false)
	failed := make(chan error, 1)
	go func() { failed <- react() }()
	require.ErrorIs(t, testkit.Receive(t, failed), context.DeadlineExceeded)
	require.Len(t, r.got(), 1)
}

// endless notes the statements that would be waited for however long they took.
type endless struct {
	mu   sync.Mutex
	list []string
}

func (e *endless) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if _, ends := ctx.Deadline(); !ends {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.list = append(e.list, q.SQL)
	}
	return ctx
}

func (*endless) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// While one is waited for, leases are renewed over other connections: nobody would take over.
func TestEveryStatementHasAnEnd(t *testing.T) {
	t.Parallel()
	w, found := newWorld(t), &endless{}
	pool, err := postgres.Open(t.Context(), w.db.AdminURL, postgres.Options{Role: postgres.RoleReaction, MaxConns: 6, Tracer: found})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	w.pool, w.log, found.list = pool, eventlog.NewReader(pool), nil
	r := newReceiver(t, func(n int, _ got) int {
		if n < 2*(brief.Quick+1) { // two rounds
			return 503
		}
		return 200
	})
	id := w.hook(r.URL, "point.*")
	stop := w.deliver(brief, loopback, nil)
	w.points(2)
	w.eventually(id, func(position uint64, failures int, _ string) bool { return failures == 0 && position == w.head() })
	stop()
	require.Greater(t, len(r.got()), 2*(brief.Quick+1))
	require.Empty(t, found.list)
}
