package reaction

import (
	"context"
	"log/slog"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// TestAnyReasonIsKept: what a handler fails with may hold what Postgres has no text for. If it
// could not be parked for that, the event would hold its consumer up for ever.
func TestAnyReasonIsKept(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), testkit.Database(t, migrated).URL(postgres.RoleReaction), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	d := &delivery{consumer: uuid.New(), event: events.Event{Position: 7}}
	msg := message.NewMessage(uuid.NewString(), nil)
	msg.SetContext(context.WithValue(t.Context(), deliveryKey{}, d))
	msg.Metadata.Set(middleware.ReasonForPoisonedKey, "图\x00 and \xff")

	require.NoError(t, (&parking{Config{Pool: pool, Logger: slog.New(slog.DiscardHandler)}}).Publish("edited", msg))
	require.True(t, d.parked)
	var kept string
	require.NoError(t, pool.QueryRow(t.Context(), `select error from sical.reaction_poison where consumer = $1 and position = 7`, d.consumer).Scan(&kept))
	require.Equal(t, "图\uFFFD and \uFFFD", kept)
}
