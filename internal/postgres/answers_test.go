package postgres_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// Where all connections are taken, Postgres answers as long as some are given to others.
func TestABusyPoolAnswers(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), testkit.Database(t, nil).AdminURL, postgres.Options{MaxConns: 2})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	answers := postgres.Answers(pool)
	require.NoError(t, answers(t.Context()))

	// A second's work stands in line, nearly all of it before the ping.
	var working sync.WaitGroup
	for range 100 {
		working.Go(func() {
			_, err := pool.Exec(t.Context(), `select pg_sleep(0.02)`)
			assert.NoError(t, err)
		})
	}
	require.NoError(t, answers(t.Context()))
	working.Wait()

	for range 2 {
		conn, err := pool.Acquire(t.Context())
		require.NoError(t, err)
		defer conn.Release()
	}
	require.ErrorIs(t, answers(t.Context()), context.DeadlineExceeded, "nobody is given any")
}
