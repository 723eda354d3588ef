package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

// TestServeHandsItsEventsOver: once its own relay is at work, the views of the process
// read no bus; webhooks would, but there are none.
func TestServeHandsItsEventsOver(t *testing.T) {
	t.Parallel()
	bus := testkit.NATS(t)
	c := Config{DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: bus.URL}
	s := serveOn(t, c, slog.New(slog.DiscardHandler))
	_, token, _ := s.account("ada")
	goal := s.do(http.MethodPost, "/v1/goals", token, `{"title":"One"}`)
	seen := s.get("/v1/goals/"+goal, token)
	require.Equal(t, http.StatusOK, seen.status, seen.body)

	js := testkit.JetStream(t, bus.Connect())
	stream, err := js.Stream(t.Context(), wire.Stream)
	require.NoError(t, err)
	testkit.Eventually(t, func() error {
		reading, err := testkit.Reading(t.Context(), stream)
		if err == nil && reading > 0 {
			err = fmt.Errorf("%d wait for the bus", reading)
		}
		return err
	})
}
