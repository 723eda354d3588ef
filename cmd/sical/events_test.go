package main

import (
	"context"
	"io"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/testkit"
)

// growing is an output whose every line is followed by one more event of the log.
type growing struct {
	t     *testing.T
	pool  *pgxpool.Pool
	lines int
}

func (g *growing) Write(line []byte) (int, error) {
	if g.lines++; g.lines > 100 {
		return 0, io.ErrShortWrite
	}
	g.add()
	return len(line), nil
}

func (g *growing) add() {
	g.t.Helper()
	user := uuid.New()
	_, err := g.pool.Exec(g.t.Context(), `
		insert into sical.events (position, event_id, stream, version, type, schema, data, metadata, owner, final, occurred_at, recorded_at)
		select count(*) + 1, gen_random_uuid(), $1, 1, $2, 1, '{}', '{}', $3, true, now(), now() from sical.events`,
		string(events.StreamOf(events.KindUser, user)), events.NameOf[events.UserErased](), user)
	require.NoError(g.t, err)
}

// TestLooksAtTheLogEndOnABusySystem: what is printed ends where the log ended at the start.
func TestLooksAtTheLogEndOnABusySystem(t *testing.T) {
	t.Parallel()
	for name, print := range map[string]func(context.Context, eventlog.Reader, uint64, io.Writer) error{
		"tail": func(ctx context.Context, log eventlog.Reader, head uint64, out io.Writer) error {
			return (&Tail{}).print(ctx, log, 0, head, out)
		},
		"erased": (&Erased{}).print,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool, err := pgxpool.New(t.Context(), testkit.Database(t, migrated).AdminURL)
			require.NoError(t, err)
			t.Cleanup(pool.Close)
			out := &growing{t: t, pool: pool}
			for range 3 {
				out.add()
			}
			log := eventlog.NewReader(pool)
			head, err := log.Head(t.Context())
			require.NoError(t, err)
			require.NoError(t, print(t.Context(), log, head, out))
			require.Equal(t, 3, out.lines)
		})
	}
}
