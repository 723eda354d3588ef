package web

import (
	"log/slog"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// tellEvery is how often requests that were refused as overloaded are told of, at most.
const tellEvery = time.Second

// shed counts requests refused as overloaded until they are worth a line in the log: a
// line for each would cost more than the refusal. sical_shed_total counts all of them.
type shed struct {
	mu      sync.Mutex
	told    time.Time
	refused int // since
}

// count tells how many were refused since a line said so, this one included; 0 for no
// line.
func (s *shed) count(now time.Time) (refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused++
	if now.Sub(s.told) < tellEvery {
		return 0
	}
	refused, s.refused, s.told = s.refused, 0, now
	return refused
}

func (s *shed) log(logger *slog.Logger, c echo.Context, p *Problem) {
	refused := s.count(time.Now())
	if refused == 0 {
		return
	}
	logger.LogAttrs(c.Request().Context(), slog.LevelWarn, "requests refused as overloaded",
		slog.Int("refused", refused),
		slog.String("request_id", RequestID(c)), // of the last, as what follows
		slog.String("method", c.Request().Method),
		slog.String("endpoint", c.Path()),
		slog.String("error", p.Error()),
	)
}
