package reaction

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/eventlog/logtest"
	"sical-backend/internal/postgres"
)

// historical is a log whose first ten events this process has seen.
type historical struct {
	*logtest.Log
	source *source
	seen   []events.Event
}

func newHistorical(t *testing.T) *historical {
	t.Helper()
	l := logtest.New(t)
	l.Add(t, 10)
	pool, err := postgres.Open(t.Context(), l.Admin.Config().ConnString(), postgres.Options{Role: postgres.RoleReaction})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	e := &edited{}
	r := New(Config{Pool: pool, Log: eventlog.NewReader(pool), Reaction: e, Meter: e, Logger: slog.New(slog.DiscardHandler)})
	seen, err := l.Relay.Read(t.Context(), 0, 100)
	require.NoError(t, err)
	return &historical{l, unhurried(t.Context(), r, l.Incarnation(t), 10), seen}
}

// serve makes a consumer that is at 7 in its row and at 9 in memory.
func (h *historical) serve(t *testing.T) *served {
	t.Helper()
	c := &served{Consumer: Consumer{ID: uuid.New()}, epoch: 5, position: 9, saved: 7, last: h.seen[8].ID}
	h.change(t, `insert into sical.reaction (reaction, consumer, position, epoch, owner, lease_until)
		values ('edited', $1, 7, 5, $2, 'infinity')`, c.ID, h.source.owner)
	return c
}

func (h *historical) change(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := h.Admin.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// row is how far the consumer is, and whether its lease was given back.
func (h *historical) row(t *testing.T, c *served) (position int, free bool) {
	t.Helper()
	require.NoError(t, h.Admin.QueryRow(t.Context(), `
		select position, owner is null from sical.reaction where consumer = $1`, c.ID).Scan(&position, &free))
	return position, free
}

// TestNothingOfAnotherHistoryIsStored: what is done with is stored only where the log is the one
// that it was of, and the row as this process left it. The lease alone tells neither.
func TestNothingOfAnotherHistoryIsStored(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		then             func(*testing.T, *historical)
		commit, released int // what stands in the rows of two afterwards
		err              error
	}{
		"nothing has happened": {func(*testing.T, *historical) {}, 10, 9, nil},
		"the row went back": {func(t *testing.T, h *historical) {
			h.change(t, `update sical.reaction set position = 4`)
		}, 4, 4, errOtherLog},
		"the log went back": {func(t *testing.T, h *historical) { h.PutBack(t, 8) }, 7, 7, errOtherLog},
		"the log went back and on": {func(t *testing.T, h *historical) {
			h.PutBack(t, 8)
			h.Add(t, 5)
		}, 7, 7, errOtherLog},
		"the log went back, but not as far": {func(t *testing.T, h *historical) {
			h.PutBack(t, 9)
			h.Add(t, 5)
		}, 7, 9, errOtherLog},
		"another history has begun": {func(t *testing.T, h *historical) {
			h.change(t, `select sical.begin_incarnation(incarnation, 'test') from sical.log`)
		}, 7, 7, errOtherLog},
		"another serves": {func(t *testing.T, h *historical) {
			h.change(t, `update sical.reaction set epoch = 6, owner = 'another'`)
		}, 7, 7, errLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistorical(t)
			committing, releasing := h.serve(t), h.serve(t)
			c.then(t, h)
			require.ErrorIs(t, h.source.commit(t.Context(), committing, 10, h.seen[9].ID), c.err)
			position, _ := h.row(t, committing)
			require.Equal(t, c.commit, position, "committed")
			h.source.release(releasing)
			position, free := h.row(t, releasing)
			require.Equal(t, c.released, position, "released")
			require.Equal(t, !errors.Is(c.err, errLost), free)
		})
	}
}
