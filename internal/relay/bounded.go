package relay

import (
	"context"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
)

// bounded is a log whose every answer has to come within timeout. On a connection that has
// fallen silent, TCP alone would keep the relay waiting for some 15 minutes.
type bounded struct{ log Log }

func (b bounded) Read(ctx context.Context, after uint64, limit int) ([]events.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return b.log.Read(ctx, after, limit)
}

func (b bounded) History(ctx context.Context) (eventlog.History, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return b.log.History(ctx)
}

func (b bounded) BeginIncarnation(ctx context.Context, seen events.ID, why string) (events.ID, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return b.log.BeginIncarnation(ctx, seen, why)
}
