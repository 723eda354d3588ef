package projector

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// refused tells an error that the same rows would meet again.
func refused(err error) bool {
	if errors.Is(err, errView) {
		return true
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code[:2] {
	case "22", "23", "42": // data, constraint, statement
		return true
	}
	return false
}

// fail stops the view at an event until the next try.
func (r *runner) fail(ctx context.Context, f *failure) error {
	r.retryAt = time.Now().Add(retry)
	r.metrics.Failed.Set(1)
	if f.position != r.failedAt {
		r.failedAt = f.position
		r.log(ctx, slog.LevelError, "view failed", "position", f.position, "err", f.err)
	}
	if err := r.stop(ctx, f); err != nil {
		return err
	}
	r.tell(nil)
	return nil
}
