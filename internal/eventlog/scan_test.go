package eventlog

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// scannedLog is a log of so many events with data of a size, every third of another type, and
// who reads it.
func scannedLog(t *testing.T, n, size int) (r Reader, ask func(sql string, into ...any)) {
	t.Helper()
	db := testkit.Database(t, migrated)
	admin := asOwner(t, db)
	_, err := admin.Exec(t.Context(), `
		insert into sical.events (position, event_id, stream, version, type, schema, data, metadata, owner, final, occurred_at, recorded_at)
		select i, gen_random_uuid(), 'point-' || i, 1, case i % 3 when 0 then 'point.revised' else 'point.created' end, 1,
			json_build_object('title', repeat('x', $2)), '{}', gen_random_uuid(), false, now(), now()
		from generate_series(1, $1::int) i`, n, size)
	require.NoError(t, err)
	pool, err := postgres.Open(t.Context(), db.URL(postgres.RoleProjector), postgres.Options{MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return NewReader(pool), func(sql string, into ...any) {
		t.Helper()
		require.NoError(t, admin.QueryRow(context.Background(), sql).Scan(into...))
	}
}

// TestScanFindsAllHoweverItIsCut: no event is left out or comes twice, whether the statements
// meet before, at or behind one, and also where one finds nothing.
func TestScanFindsAllHoweverItIsCut(t *testing.T) {
	t.Parallel()
	r, _ := scannedLog(t, 40, 10)
	for _, c := range []struct{ after, to, step uint64 }{
		{0, 40, 1}, {0, 40, 2}, {0, 40, 7}, {0, 40, 40}, {0, 39, 13}, {5, 38, 3}, {11, 12, 5}, {12, 12, 5}, {0, 60, 9}, {0, 40, scanStep},
	} {
		var want, found []uint64
		for at := c.after + 1; at <= min(c.to, 40); at++ {
			if at%3 == 0 {
				want = append(want, at)
			}
		}
		require.NoError(t, r.scan(t.Context(), c.after, c.to, c.step, []string{"point.revised"}, func(b Block) error {
			return b.Each(func(e *events.Event) error {
				require.Equal(t, "point.revised", e.Type)
				found = append(found, e.Position)
				return nil
			})
		}))
		require.Equal(t, want, found, "%+v", c)
	}
}

// TestScanHoldsNothingForLong: however slow who folds is, the server need not keep for the
// rest of a scan what was current when that began.
func TestScanHoldsNothingForLong(t *testing.T) {
	t.Parallel()
	const each = 4096
	r, ask := scannedLog(t, 4000, each)
	var first, held time.Time
	blocks, all := 0, 4000*each/blockSize
	require.NoError(t, r.scan(t.Context(), 0, 4000, 2*blockSize/each, []string{"point.created", "point.revised"}, func(Block) error {
		switch blocks++; blocks {
		case 1:
			ask(`select clock_timestamp()`, &first)
		case all / 2: // all the rest does not fit between here and the server, which is still at it
			ask(`select coalesce(min(xact_start), clock_timestamp()) from pg_stat_activity where datname = current_database() and query like 'copy (%'`, &held)
		}
		return nil
	}))
	require.Greater(t, blocks, all/2)
	require.True(t, held.After(first), "the statement that it began with lasts")
}

// TestScanEndsWithItsCallee, and its connection can be used again.
func TestScanEndsWithItsCallee(t *testing.T) {
	t.Parallel()
	r, _ := scannedLog(t, 100, blockSize/10)
	blocks := 0
	require.ErrorIs(t, r.scan(t.Context(), 0, 100, 7, []string{"point.created"}, func(Block) error {
		blocks++
		return context.Canceled
	}), context.Canceled)
	require.Equal(t, 1, blocks)
	head, err := r.Head(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 100, head)
}
