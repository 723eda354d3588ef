package reaction

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// TestWhatNewerProgramsKnowIsGivenBack: a consumer that only newer programs can serve is given
// back, whoever else is served, and fails only while none of those serves it.
func TestWhatNewerProgramsKnowIsGivenBack(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), testkit.Database(t, migrated).URL(postgres.RoleReaction), postgres.Options{MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	process := func(list ...Consumer) (*edited, *source, func()) {
		e := &edited{list: list}
		ctx, cancel := context.WithCancel(t.Context())
		s := unhurried(ctx, New(Config{Pool: pool, Log: e, Reaction: e, Meter: e, Logger: slog.New(slog.DiscardHandler)}), events.ID{1}, 0)
		t.Cleanup(func() {
			cancel()
			s.followers.Wait()
		})
		return e, s, func() { require.NoError(t, s.sync(t.Context())) }
	}
	none := func(string) bool { return false }
	changed, same := Consumer{ID: uuid.New(), Version: 1, Wants: none}, Consumer{ID: uuid.New(), Version: 1, Wants: none}
	e, old, beat := process(changed, same)
	beat()
	require.Len(t, old.served, 2)

	given := old.served[changed.ID]
	e.list = []Consumer{changed, same}
	e.list[0].Newer = true
	beat()
	testkit.Receive(t, given.done)
	beat()
	require.Len(t, old.served, 1)
	require.NotNil(t, old.served[same.ID])
	require.EqualValues(t, 1, e.failing.Load())

	_, newer, beats := process(changed)
	beats()
	require.Len(t, newer.served, 1)
	beat()
	require.Zero(t, e.failing.Load())
	require.Len(t, old.served, 1)
}

// TestNoRowForWhatNewerProgramsEnded: it may have been deleted by what this one cannot read.
func TestNoRowForWhatNewerProgramsEnded(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), testkit.Database(t, migrated).URL(postgres.RoleReaction), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	e := &edited{list: []Consumer{{ID: uuid.New(), Version: 2, Newer: true}}}
	s := unhurried(t.Context(), New(Config{Pool: pool, Log: e, Reaction: e, Meter: e, Logger: slog.New(slog.DiscardHandler)}), events.ID{1}, 0)
	require.NoError(t, s.sync(t.Context()))
	var rows int
	require.NoError(t, pool.QueryRow(t.Context(), `select count(*) from sical.reaction`).Scan(&rows))
	require.Zero(t, rows)
	require.Zero(t, e.failing.Load())
}
