package api

import (
	"context"
	"log/slog"
	"time"

	"github.com/labstack/echo/v4"

	"sical-backend/command"
	"sical-backend/internal/auth"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/live"
	"sical-backend/internal/web"
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
	Admission   *Admission
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
		e.Add(route.Method, web.Pattern(route.Path), a.bounded(a.command(route, rule)))
	}
	e.POST("/v1/commands", a.bounded(a.batch))
	e.POST("/v1/sessions", a.bounded(a.logIn))
	e.POST("/v1/stream-tickets", a.bounded(a.ticket))
	e.POST("/v1/sessions/refresh", a.bounded(a.refresh))
	e.DELETE("/v1/sessions/current", a.bounded(a.logOut))
}

// bounded refuses a request at once where there is too much to do, before anything is read of
// it, and ends the context of one that takes too long, whatever it waits for.
func (a *API) bounded(answer echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !spared(c) {
			if err := a.Admission.commands.Room(); err != nil {
				return problem(err)
			}
		}
		asked := c.Request()
		ctx, cancel := context.WithDeadline(asked.Context(), web.Ends(c))
		defer cancel()
		c.SetRequest(asked.WithContext(ctx))
		defer c.SetRequest(asked) // by whose context the chain tells that the client has left
		return answer(c)
	}
}
