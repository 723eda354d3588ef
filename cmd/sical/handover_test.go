package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

// TestServeHandsItsEventsOver: once its own relay is at work, the views of the process
// read no bus; webhooks would, but there are none.
func TestServeHandsItsEventsOver(t *testing.T) {
	t.Parallel()
	c := Config{DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL}
	s := serveOn(t, c, slog.New(slog.DiscardHandler))
	_, token, _ := s.account("ada")
	goal := s.call(http.MethodPost, "/v1/goals", token, `{"title":"One"}`)
	require.Equal(t, http.StatusCreated, goal.status, goal.body)
	seen := s.call(http.MethodGet, "/v1/goals/"+goal.field(t, "id"), token, "", "Sical-Min-Position", goal.field(t, "position"), "Prefer", "wait=5")
	require.Equal(t, http.StatusOK, seen.status, seen.body)

	conn, err := nats.Connect(c.NATSURL)
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), wire.Stream)
	require.NoError(t, err)
	testkit.Eventually(t, func() error {
		// A consumer outlives its reader for a while; it is waited at no more.
		consumers, reading := stream.ListConsumers(t.Context()), 0
		for consumer := range consumers.Info() {
			reading += consumer.NumWaiting
		}
		if err := consumers.Err(); err != nil {
			return err
		}
		if reading > 0 {
			return fmt.Errorf("%d requests wait for the bus", reading)
		}
		return nil
	})
}
