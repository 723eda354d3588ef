//go:build !linux

package loadtest

import (
	"context"
	"time"

	"sical-backend/internal/pause"
)

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) { pause.For(ctx, d) }
