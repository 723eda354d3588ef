package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"sical-backend/internal/telemetry"
	"sical-backend/internal/tracing"
)

// maxURL bounds the request target in bytes.
const maxURL = 8 << 10

// Config says how an API is protected. Logger, Metrics and Now are required.
type Config struct {
	Logger  *slog.Logger
	Metrics *telemetry.HTTP
	Now     func() time.Time

	Verify         Verifier          // of access tokens; nil leaves every request anonymous
	Known          func(string) bool // tokens that were good before, and so are cheap to verify; nil for none
	RatePerSecond  int               // requests each principal may make; 0 sets no limit
	Burst          int               // requests each principal may make at once
	Origins        []string          // allowed by CORS, each exactly as a browser sends it
	TrustedProxies []string          // networks (CIDR) whose X-Forwarded-For is believed
	Tracer         *tracing.Tracer
	Unlimited      []string // paths that everyone may ask as often as they like, without a look at tokens
}

// gate is the one middleware in front of every handler. It is one function because
// a chain of a dozen costs several times the work it does.
type gate struct {
	cfg        Config
	ids        *requestIDs
	headers    headers
	cors       *cors
	limits     *limits
	compressor *compressor
}

// Protect puts the chain in front of all routes of e, those added later included,
// and makes ErrorHandler answer its errors. In order: request id, security headers,
// CORS, recovery, bound on the URL, access token, rate limit, handler; then
// compression, metrics and access log. It fails on a wrong origin or network.
func Protect(e *echo.Echo, cfg Config) error {
	cors, err := newCORS(cfg.Origins)
	if err != nil {
		return err
	}
	extract, err := clientAddress(cfg.TrustedProxies, cfg.Logger)
	if err != nil {
		return err
	}
	g := &gate{
		cfg:        cfg,
		ids:        newRequestIDs(),
		headers:    newHeaders(len(cfg.Origins)),
		cors:       cors,
		limits:     newLimits(cfg.RatePerSecond, cfg.Burst, cfg.Now()),
		compressor: newCompressor(),
	}
	e.IPExtractor = extract
	e.Binder = noBinder{}
	e.HTTPErrorHandler = ErrorHandler(cfg.Logger)
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := requests.Get().(*request)
			r.begin(c)
			err := g.serve(r, next)
			r.end()
			requests.Put(r)
			return err
		}
	})
	return nil
}

// serve answers one request. Errors end here: none is left for Echo.
func (g *gate) serve(c echo.Context, next echo.HandlerFunc) error {
	start := g.cfg.Now()
	r, w := c.Request(), c.Response()
	header := w.Header()
	header[echo.HeaderXRequestID] = []string{g.ids.of(r.Header[echo.HeaderXRequestID])}
	g.headers.set(header)
	allowed := g.cors.set(r, header)
	span := g.trace(c)

	compressed := g.compressor.wrap(c)
	err := g.guard(c, next, start, allowed)
	broken := err != nil && w.Committed
	if err != nil {
		c.Error(err)
		if p, ok := errors.AsType[*Problem](err); ok && p.Code == Overloaded {
			g.cfg.Metrics.Shed.Inc()
		}
	}
	status := w.Status
	if broken {
		status = http.StatusInternalServerError // whatever was announced
		if left(r) {
			status = statusClientClosed
		}
	}
	took := g.cfg.Now().Sub(start)
	g.cfg.Metrics.Observe(r.Method, c.Path(), status, took)
	g.logAccess(c, took, err != nil)
	answered(span, status)
	if broken {
		panic(http.ErrAbortHandler) // cut the connection: half an answer must not look whole
	}
	if compressed != nil {
		w.Writer = compressed.ResponseWriter
		_ = compressed.close() // fails when the client has left: nobody to tell
	}
	return nil
}

// guard runs what may refuse or panic.
func (g *gate) guard(c echo.Context, next echo.HandlerFunc, now time.Time, originAllowed bool) (err error) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		if value == http.ErrAbortHandler {
			panic(value) // a handler's own wish to cut the connection
		}
		g.cfg.Metrics.Panics.Inc()
		err = newPanicError(value)
	}()
	r := c.Request()
	if len(r.RequestURI) > maxURL {
		return NewProblem(URITooLong, fmt.Sprintf("At most %d bytes are taken.", maxURL))
	}
	if !slices.Contains(g.cfg.Unlimited, r.URL.Path) {
		if err := g.admit(c, now); err != nil {
			return err
		}
	}
	if originAllowed && preflight(r) {
		g.cors.answerPreflight(c.Response().Header())
		return c.NoContent(http.StatusNoContent)
	}
	return next(c)
}

// admit finds out who asks, and whether they ask too often.
func (g *gate) admit(c echo.Context, now time.Time) error {
	if g.cfg.Verify != nil && len(c.Request().Header["Authorization"]) > 0 {
		address := c.RealIP()
		if err := g.limits.beforeToken(address, now); err != nil && !g.known(c) {
			return err
		}
		if err := authenticate(c, g.cfg.Verify); err != nil {
			if errors.Is(err, errBadToken) {
				g.limits.badToken(address, now)
			}
			return err
		}
	}
	if r, ok := c.(*request); ok {
		r.limits, r.begun = g.limits, now
	}
	return g.limits.admit(c, 1, now)
}

// known tells whether the request's token is one that was good before, which costs next to nothing
// to verify.
func (g *gate) known(c echo.Context) bool {
	token, ok := bearer(c.Request().Header["Authorization"])
	return ok && g.cfg.Known != nil && g.cfg.Known(token)
}

// noBinder takes Echo's Bind out of use: it lets the body overwrite path parameters,
// ignores case and unknown names, and reads XML and forms. DecodeStrict does not.
type noBinder struct{}

func (noBinder) Bind(any, echo.Context) error {
	return errors.New("Bind is not used here: decode with DecodeStrict")
}
