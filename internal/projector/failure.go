package projector

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/projections"
)

// failure is a fold that failed, by an error or a panic.
type failure struct {
	index int // of the event among those of the batch
	event *events.Event
	key   *projections.Key // of the row that failed; nil where the event's keys cannot be told
	err   error
}

// refused tells whether the same rows would meet the error again. data tells whether it
// is about what is in these rows, so that the database may take others. A full disk takes
// no rows at all; they are tried again until there is room.
func refused(err error) (refused, data bool) {
	if errors.Is(err, errView) {
		return true, true
	}
	if postgres.Full(err) {
		return true, false
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false, false
	}
	switch e.Code[:2] {
	case "22", "23": // data, constraint
		return true, true
	case "42": // statement
		return true, false
	}
	return false, false
}

// exhausted counts a try of the first event that fails, and tells whether it was the
// last. Between tries the unit waits a little, as the failure may pass by itself. Once
// something was parked, what fails within calm of that has no further tries: else each of
// many failing events would hold up the unit.
func (r *runner) exhausted(ctx context.Context, f *failure) bool {
	if f.event.Position != r.failedAt {
		r.failedAt, r.failed = f.event.Position, 0
		r.log(ctx, slog.LevelWarn, "fold failed", "position", f.event.Position, "type", f.event.Type, "what", f.name(), "err", f.err)
	}
	r.metrics.Failed.Set(1)
	if r.failed == len(tries) || time.Since(r.parkedAt) < calm {
		return true
	}
	r.retryAt = time.Now().Add(tries[r.failed])
	r.failed++
	return false
}

// fail stops the unit at an event until the next try. Where the build was dropped, and
// its tables with it, that is no failure: it returns errLost.
func (r *runner) fail(ctx context.Context, position uint64, failed error) error {
	r.retryAt = time.Now().Add(retry)
	if err := r.stop(ctx, position, failed); err != nil {
		return err
	}
	r.metrics.Failed.Set(1)
	if position != r.stoppedAt {
		r.stoppedAt = position
		r.log(ctx, slog.LevelError, "view failed", "position", position, "err", failed)
	}
	r.tell(nil)
	return nil
}
