package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
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
	answers := postgres.AnswersLate(pool, 0) // so that it was not in time just before
	require.NoError(t, answers(t.Context()))

	// Three seconds' work stands in line, nearly all of it before the ping.
	var working, standing sync.WaitGroup
	for range 300 {
		standing.Add(1)
		working.Go(func() {
			standing.Done()
			_, err := pool.Exec(t.Context(), `select pg_sleep(0.02)`)
			assert.NoError(t, err)
		})
	}
	standing.Wait()
	require.NoError(t, answers(t.Context()))
	working.Wait()

	hold(t, pool)
	require.ErrorIs(t, answers(t.Context()), context.DeadlineExceeded, "nobody is given any")
}

// hold takes both connections of a pool until the test ends.
func hold(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	for range 2 {
		conn, err := pool.Acquire(t.Context())
		require.NoError(t, err)
		t.Cleanup(conn.Release)
	}
}

// Where a ping was in time, others may be late for a while; one that fails otherwise is no answer.
func TestLatePingsAreForgivenForAWhile(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, nil)
	owner, err := pgx.ParseConfig(db.AdminURL)
	require.NoError(t, err)
	proxy := testkit.Proxy(t, db.Socket())
	pool, err := postgres.Open(t.Context(), db.Through(proxy, owner.User), postgres.Options{MaxConns: 2})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	late, never, soon := postgres.AnswersLate(pool, time.Hour), postgres.AnswersLate(pool, time.Hour), postgres.AnswersLate(pool, time.Nanosecond)
	is := func(answers func(context.Context) error) { // at last: a slow machine is late
		testkit.Eventually(t, func() error { return answers(t.Context()) })
	}
	is(late)
	is(soon)
	proxy.Refuse(true)
	proxy.Cut()
	testkit.Eventually(t, func() error {
		if late(t.Context()) == nil {
			return errors.New("it is not late, but gone")
		}
		return nil
	})
	proxy.Refuse(false)
	is(late)

	hold(t, pool)
	require.NoError(t, late(t.Context()))
	require.ErrorIs(t, soon(t.Context()), context.DeadlineExceeded)
	require.ErrorIs(t, never(t.Context()), context.DeadlineExceeded, "none was ever in time")
}
