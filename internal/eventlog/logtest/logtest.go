// Package logtest gives tests a real log in a database of their own, to append to
// and to spoil.
package logtest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/internal/vault"
)

// Log is a log in its own database. It ends with the test.
type Log struct {
	*eventlog.Log
	Relay eventlog.Reader // reads as the relay's role
	Admin *pgxpool.Pool   // may do everything
	// Hand is given what was appended; nil for nobody. It is set before anything is.
	Hand func([]events.Event)
}

func migrated(url string) error {
	_, err := postgres.Migrate(context.Background(), url)
	return err
}

// silent is a Meter that nobody reads.
type silent struct{}

func (silent) Appended(int, float64) {}
func (silent) Refused()              {}
func (silent) Retried()              {}

// New makes an empty log.
func New(t testing.TB) *Log {
	t.Helper()
	db := testkit.Database(t, migrated)
	open := func(url string) *pgxpool.Pool {
		pool, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 4, Params: eventlog.Plans()})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		return pool
	}
	l := &Log{Admin: open(db.AdminURL), Relay: eventlog.NewReader(open(db.URL(postgres.RoleRelay)))}
	pool := open(db.URL(postgres.RoleCommand))
	v, err := vault.New(pool, []byte("a master secret for tests, 32 bytes and more"))
	require.NoError(t, err)
	l.Log = eventlog.Open(eventlog.Config{
		Pool: pool, Vault: v, Logger: slog.New(slog.DiscardHandler), Meter: silent{},
		Committed: func(list []events.Event) {
			if l.Hand != nil {
				l.Hand(list)
			}
		},
	})
	t.Cleanup(func() { l.Close() })
	return l
}

// Add appends n events, together.
func (l *Log) Add(t testing.TB, n int) {
	t.Helper()
	entries := make([]*eventlog.Entry, n)
	for i := range entries {
		id := uuid.New()
		stream := events.StreamOf(events.KindPoint, id)
		entries[i] = &eventlog.Entry{Subject: id, Stream: stream, Guards: []eventlog.Guard{{Stream: stream}}, Events: []eventlog.NewEvent{{
			Stream: stream, Data: &events.PointCreated{Title: "图 graph", Difficulty: 1}, OccurredAt: time.Now()}}}
	}
	require.NoError(t, l.Append(t.Context(), entries...))
	for _, e := range entries {
		require.NoError(t, e.Result.Err)
	}
}

// PutBack leaves the log as it was at a position, as a restored copy would be.
func (l *Log) PutBack(t testing.TB, to uint64) {
	t.Helper()
	_, err := l.Admin.Exec(t.Context(), `delete from sical.events where position > $1`, int64(to))
	require.NoError(t, err)
}

// Incarnation is the log's.
func (l *Log) Incarnation(t testing.TB) events.ID {
	t.Helper()
	h, err := l.Relay.History(t.Context())
	require.NoError(t, err)
	return h.Incarnation
}
