package main

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sical-backend/internal/openapi"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/web"
)

// echo is the public router, made when the first role asks for it.
func (a *App) echo() *echo.Echo {
	if a.public == nil {
		a.public = echo.New()
	}
	return a.public
}

// open serves what the roles have registered, the public routes last: by then
// everything behind them is up.
func (a *App) open() (err error) {
	admin := echo.New()
	a.health(admin)
	admin.HTTPErrorHandler = web.ErrorHandler(a.logger)
	metrics := promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
	admin.GET("/metrics", echo.WrapHandler(metrics))
	for _, register := range a.operate {
		register(admin)
	}
	if a.public != nil {
		err = web.Protect(a.public, web.Config{
			Logger: a.logger, Metrics: telemetry.NewHTTP(a.registry), Tracer: a.tracer, Now: time.Now, Verify: a.principal,
			RatePerSecond: a.RateLimit, Burst: a.RateBurst, Origins: a.AllowedOrigins, TrustedProxies: a.TrustedProxies,
		})
		if err != nil {
			return err
		}
		a.health(a.public)
		openapi.Register(a.public, openapi.Document())
	}
	if a.adminURL, err = a.listen(a.AdminListen, admin, "admin"); err != nil {
		return err
	}
	if a.public != nil {
		a.publicURL, err = a.listen(a.Listen, a.public, "public")
	}
	return err
}

// principal checks an access token.
func (a *App) principal(token string) (web.Principal, error) {
	c, err := a.verifier.Verify(token)
	return web.Principal{UserID: c.User, Role: c.Role, SessionID: c.Session, Expires: c.Expires}, err
}

// status is the answer of the health routes.
type status struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

// health adds the routes that say whether the process lives, and whether it can
// do its work.
func (a *App) health(e *echo.Echo) {
	both := []string{http.MethodGet, http.MethodHead} // load balancers ask with either
	live := func(c echo.Context) error { return c.JSON(http.StatusOK, status{Status: "ok"}) }
	for _, path := range []string{"/health", "/livez"} {
		e.Match(both, path, live)
	}
	for _, path := range []string{"/ready", "/readyz"} {
		e.Match(both, path, a.ready)
	}
}

func (a *App) ready(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), 2*time.Second)
	defer cancel()
	answer, code := status{"ready", map[string]string{}}, http.StatusOK
	if a.draining.Load() {
		return c.JSON(http.StatusServiceUnavailable, status{Status: "draining"})
	}
	for _, check := range a.checks {
		answer.Checks[check.name] = "ok"
		if err := check.ask(ctx); err != nil {
			a.logger.Warn("not ready", "check", check.name, "error", err)
			answer.Checks[check.name] = "unavailable"
			answer.Status, code = "not ready", http.StatusServiceUnavailable
		}
	}
	return c.JSON(code, answer)
}
