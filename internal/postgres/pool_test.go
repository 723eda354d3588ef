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
// come and go, and idle ones are given back.
func TestConnectionsDoNotLiveForEver(t *testing.T) {
	t.Parallel()
	c := watch(t, 0).Config()
	require.Equal(t, []time.Duration{time.Hour, 5 * time.Minute, 10 * time.Minute}, []time.Duration{c.MaxConnLifetime, c.MaxConnLifetimeJitter, c.MaxConnIdleTime})
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
