package main

import (
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sical-backend/internal/admin"
	"sical-backend/internal/openapi"
	"sical-backend/internal/profile"
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

// vacant fails where an address is taken that this process will listen at: what comes
// before it does may make a database and bring its schema up. Until then nothing listens,
// so that whoever calls is refused and not kept waiting.
func (a *App) vacant() error {
	for _, address := range []string{a.AdminListen, a.Listen} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("listener: %w", err)
		}
		defer l.Close()
	}
	return nil
}

// reach is a URL under which whoever is on this machine reaches a listener. What listens
// everywhere has no address of its own, and listens on this one.
func reach(address string) string {
	host, port, _ := net.SplitHostPort(address) // settings with another form are refused
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// open serves what the roles have registered, the public routes last: by then
// everything behind them is up.
func (a *App) open() (err error) {
	router := echo.New()
	web.NameRequests(router)
	a.health(router)
	router.HTTPErrorHandler = web.ErrorHandler(a.logger)
	metrics := promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
	router.GET("/metrics", echo.WrapHandler(metrics))
	profile.Register(router)
	telemetry.NATS(a.registry, a.nats)
	telemetry.Disk(a.registry, a.DataDir)
	admin.RegisterConsole(router)
	for _, register := range a.operate {
		register(router)
	}
	if a.public != nil {
		if err := a.protect(a.public); err != nil {
			return err
		}
		a.health(a.public)
		openapi.Register(a.public, openapi.Document())
	}
	if a.adminURL, err = a.listen(a.AdminListen, router, "admin"); err != nil {
		return err
	}
	if a.public != nil {
		a.publicURL, err = a.listen(a.Listen, a.public, "public")
	}
	return err
}

// protectPublic puts the chain that every public request passes in front of the routes.
func (a *App) protectPublic(e *echo.Echo) error {
	return web.Protect(e, web.Config{
		Logger: a.logger, Metrics: a.requests, Tracer: a.tracer, Now: time.Now, Verify: a.principal, Known: a.verifier.Known,
		RatePerSecond: a.RateLimit, Burst: a.RateBurst, Origins: a.AllowedOrigins, TrustedProxies: a.TrustedProxies,
		Unlimited: slices.Concat(livePaths, readyPaths),
	})
}

// principal checks an access token.
func (a *App) principal(token string) (web.Principal, error) {
	c, err := a.verifier.Verify(token)
	return web.Principal{UserID: c.User, Role: c.Role, SessionID: c.Session, Generation: c.Generation, Expires: c.Expires}, err
}
