package api

import (
	"log/slog"
	"time"

	"github.com/labstack/echo/v4"

	"sical-backend/command"
	"sical-backend/internal/auth"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/live"
)

// Config is what the command side works with.
type Config struct {
	Dispatcher  *dispatch.Dispatcher
	Sessions    *auth.Sessions
	Hasher      *auth.Hasher // of the passwords of those who have an account
	Newcomers   *auth.Hasher // of registrations, which so take no place from logins
	Throttle    *auth.Throttle
	Revocations *auth.Revocations
	Tickets     *live.Tickets
	Logger      *slog.Logger
	Now         func() time.Time
}

// API answers the command side's requests.
type API struct{ Config }

// Register puts every command's route on e.
func Register(e *echo.Echo, c Config) {
	a := &API{c}
	for _, route := range Routes() {
		rule, ok := command.RuleNamed(route.Rule)
		if !ok {
			panic("api: no command is named " + route.Rule)
		}
		e.Add(route.Method, route.Path, a.command(route, rule))
	}
	e.POST("/v1/commands", a.batch)
	e.POST("/v1/sessions", a.logIn)
	e.POST("/v1/stream-tickets", a.ticket)
	e.POST("/v1/sessions/refresh", a.refresh)
	e.DELETE("/v1/sessions/current", a.logOut)
}
