// Package outage tells once of what is tried again and again and fails each time.
package outage

import (
	"context"
	"log/slog"
)

// Log has a line when something begins to fail and one when it works again, and none for each
// try. One goroutine uses it at a time.
type Log struct {
	Logger       *slog.Logger
	Begins, Ends string // what the lines say
	failing      bool
}

// Tried takes in how a try has ended. One that fails as ctx has ended tells nothing.
func (l *Log) Tried(ctx context.Context, err error) {
	switch {
	case err != nil && ctx.Err() == nil && !l.failing:
		l.failing = true
		l.Logger.WarnContext(ctx, l.Begins, "error", err)
	case err == nil && l.failing:
		l.failing = false
		l.Logger.InfoContext(ctx, l.Ends)
	}
}
