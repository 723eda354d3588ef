package web

import (
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
)

// slowFrom is the time from which every request is worth a line.
const slowFrom = 500 * time.Millisecond

// accessLog writes requests that were slow or failed, and a sample of the others:
// a line for each would cost more than answering it. It names the route template,
// never the path and its query, which hold ids, cursors and tickets.
type accessLog struct {
	logger *slog.Logger
	every  uint64
	seen   atomic.Uint64
}

// write considers one answered request; reported says that the error handler has
// told of it already.
func (l *accessLog) write(c echo.Context, took time.Duration, reported bool) {
	w := c.Response()
	level := slog.LevelInfo
	switch {
	case w.Status >= http.StatusInternalServerError && !reported:
		level = slog.LevelWarn
	case took >= slowFrom && w.Header().Get(echo.HeaderContentType) != "text/event-stream":
		level = slog.LevelWarn
	case l.every == 0 || l.seen.Add(1)%l.every != 0:
		return
	}
	l.logger.LogAttrs(c.Request().Context(), level, "request",
		slog.String("request_id", RequestID(c)),
		slog.String("method", c.Request().Method),
		slog.String("endpoint", c.Path()),
		slog.Int("status", w.Status),
		slog.Int64("bytes", w.Size),
		slog.Duration("took", took),
	)
}
