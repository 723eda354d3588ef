// Package pause waits no longer than its context lives.
package pause

import (
	"context"
	"time"
)

// For waits for d, or until ctx ends, and tells whether ctx lives on.
func For(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
