package web

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// slowFrom is the time from which every request is worth a line.
const slowFrom = 500 * time.Millisecond

// logAccess writes a request if it was slow or failed: a line for each would cost more
// than answering it. It names the route template, never the path and its query, which
// hold ids, cursors and tickets. reported says that the error handler has told of it
// already.
func (g *gate) logAccess(c echo.Context, took time.Duration, reported bool) {
	w := c.Response()
	failed := w.Status >= http.StatusInternalServerError && !reported
	slow := took >= slowFrom && w.Header().Get(echo.HeaderContentType) != "text/event-stream"
	if !failed && !slow {
		return
	}
	g.cfg.Logger.LogAttrs(c.Request().Context(), slog.LevelWarn, "request",
		slog.String("request_id", RequestID(c)),
		slog.String("method", c.Request().Method),
		slog.String("endpoint", c.Path()),
		slog.Int("status", w.Status),
		slog.Int64("bytes", w.Size),
		slog.Duration("took", took),
	)
}
