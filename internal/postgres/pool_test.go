package postgres_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// Connections are made anew within the hour, so that their load settles where servers
// come and go, and idle ones are given back, where the URL says nothing else.
func TestConnectionsDoNotLiveForEver(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t, nil).AdminURL
	lives := func(url string) []time.Duration {
		pool, err := postgres.Open(t.Context(), url, postgres.Options{})
		require.NoError(t, err)
		defer pool.Close()
		c := pool.Config()
		return []time.Duration{c.MaxConnLifetime, c.MaxConnLifetimeJitter, c.MaxConnIdleTime}
	}
	require.Equal(t, []time.Duration{time.Hour, 5 * time.Minute, 10 * time.Minute}, lives(url))
	said := "pool_max_conn_lifetime=20m&pool_max_conn_lifetime_jitter=1m&pool_max_conn_idle_time=2m"
	require.Equal(t, []time.Duration{20 * time.Minute, time.Minute, 2 * time.Minute}, lives(url+"&"+said))
}

// By a URL with which rows could not be read nothing is opened.
func TestResultsAreNoTexts(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t, nil).AdminURL + "&default_query_exec_mode="
	for mode, want := range map[string]error{
		"cache_statement": nil, "cache_describe": nil, "describe_exec": nil,
		"exec": postgres.ErrTextResults, "simple_protocol": postgres.ErrTextResults,
	} {
		pool, err := postgres.Open(t.Context(), url+mode, postgres.Options{})
		require.ErrorIs(t, err, want, mode)
		if err == nil {
			pool.Close()
		}
	}
}

// A server that has gone without a word keeps no place of a pool from the one that takes
// over its address, for as long as nobody says otherwise.
func TestConnectingIsGivenUp(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })

	failed := make(chan error, 1)
	go func() {
		_, err := postgres.Open(t.Context(), "postgres://sical@"+silent.Addr().String()+"/sical?sslmode=disable", postgres.Options{})
		failed <- err
	}()
	require.ErrorIs(t, testkit.Receive(t, failed), context.DeadlineExceeded, "the server's silence has an end, the test has none yet")
}
