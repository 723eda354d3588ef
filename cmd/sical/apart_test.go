package main

import (
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/testkit"
)

// TestARushOfLoadsKeepsNothingFromTheLog: where all connections for requests are taken, what
// was decided is appended all the same, and ended sessions are heard of.
func TestARushOfLoadsKeepsNothingFromTheLog(t *testing.T) {
	t.Parallel()
	a := newSystem(t).app
	d := a.decider
	for range d.pool.Config().MaxConns {
		conn, err := d.pool.Acquire(t.Context())
		require.NoError(t, err)
		t.Cleanup(conn.Release)
	}
	stream := events.StreamOf(events.KindPoint, uuid.New())
	entry := &eventlog.Entry{Events: []eventlog.NewEvent{{Stream: stream, Data: &events.PointCreated{Title: "图论"}}}}
	done := make(chan error, 1)
	go func() { done <- errors.Join(d.log.Append(t.Context(), entry), a.revocations.Poll(t.Context())) }()
	require.NoError(t, testkit.Receive(t, done))
	require.NoError(t, entry.Result.Err)
	require.NotZero(t, entry.Result.Position)
}
