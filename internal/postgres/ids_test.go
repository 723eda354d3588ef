package postgres

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// TestIDsTravel: there and back again, alone, in lists and where there is none, in
// every way that pgx sends statements.
func TestIDsTravel(t *testing.T) {
	t.Parallel()
	pool, err := Open(t.Context(), testkit.Database(t, nil).AdminURL, Options{})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	ids := []uuid.UUID{uuid.New(), {}, uuid.Must(uuid.NewV7())}
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
	} {
		var one uuid.UUID
		var text string
		var none, some *uuid.UUID
		require.NoError(t, pool.QueryRow(t.Context(), `select $1::uuid, $1::uuid::text, $2::uuid, $3::uuid`, mode, ids[0], (*uuid.UUID)(nil), &ids[2]).
			Scan(&one, &text, &none, &some))
		require.Equal(t, ids[0], one)
		require.Equal(t, ids[0].String(), text)
		require.Nil(t, none)
		require.Equal(t, ids[2], *some)

		for _, list := range [][]uuid.UUID{ids, {}, nil} {
			var back []uuid.UUID
			var length *int
			require.NoError(t, pool.QueryRow(t.Context(), `select $1::uuid[], cardinality($1::uuid[])`, mode, list).Scan(&back, &length))
			require.Equal(t, list, back)
			if list == nil {
				require.Nil(t, length)
			} else {
				require.Equal(t, len(list), *length)
			}
		}
		require.Error(t, pool.QueryRow(t.Context(), `select null::uuid`, mode).Scan(&one), "null is no id")
	}
}

func BenchmarkIDs(b *testing.B) {
	pool, err := Open(b.Context(), testkit.Database(b, nil).AdminURL, Options{})
	require.NoError(b, err)
	b.Cleanup(pool.Close)
	ids := make([]uuid.UUID, 100)
	for i := range ids {
		ids[i] = uuid.New()
	}
	b.ReportAllocs()
	for b.Loop() {
		rows, err := pool.Query(b.Context(), `select unnest($1::uuid[])`, ids)
		require.NoError(b, err)
		back, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		require.NoError(b, err)
		require.Len(b, back, len(ids))
	}
}
