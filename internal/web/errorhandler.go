package web

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"sical-backend/internal/postgres"
)

// ErrorHandler answers every error of a handler as a problem and logs the
// failures (5xx) once, with the request id; what is refused as overloaded shares a
// line a second. What is not a Problem, an Echo error, the end of a context or a
// database that is away is answered as `internal` without any detail: the text of such
// an error (SQL, file names) belongs in the log alone.
func ErrorHandler(logger *slog.Logger) echo.HTTPErrorHandler {
	refused := &shed{}
	return func(err error, c echo.Context) {
		p := problemOf(err, c.Request())
		committed := c.Response().Committed
		switch {
		case p.Code == Overloaded:
			refused.log(logger, c, p)
		case p.Status() >= 500 && !(committed && left(c.Request())):
			logFailure(logger, c, p, err)
		}
		if committed {
			return
		}
		_ = writeProblem(c, p) // fails when the client has left: nobody to tell
	}
}

// problemOf finds or makes the problem that answers err.
func problemOf(err error, r *http.Request) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if h, ok := errors.AsType[*echo.HTTPError](err); ok {
		return NewProblem(codeOf(h.Code), "")
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return NewProblem(TooLarge, "")
	}
	late := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	switch lacking := postgres.Lacking(err); {
	case (late || lacking) && left(r): // which cut off what was under way
		return NewProblem(ClientClosedRequest, "")
	case late:
		return NewProblem(Unavailable, "The answer was not ready in time.")
	case postgres.Full(err):
		return NoRoom()
	case lacking:
		return NewProblem(Unavailable, "The database cannot be reached, or took too long.")
	}
	return NewProblem(Internal, "")
}

// Unforeseen tells an error that is answered as `internal`, for somebody to look into, from one
// that is the client's or passes by itself.
func Unforeseen(err error) bool { return problemOf(err, new(http.Request)).Code == Internal }

// NoRoom is the problem of what the database had no room for. Somebody has to make some
// before asking again helps.
func NoRoom() *Problem {
	return &Problem{
		Code: Unavailable, RetryAfter: 10 * time.Second,
		Detail: "There is no room to keep anything more just now. Nothing of this was done: ask again later.",
	}
}

// left tells whether the client is gone. net/http ends the context of a request whose
// connection was closed, and of one whose answer could not be written, be the client
// gone or too slow; not so of one with a LazyContext.
func left(r *http.Request) bool {
	if r.Context().Err() != nil {
		return true
	}
	c := connOf(r)
	return c != nil && hungUp(c.Conn)
}

func logFailure(logger *slog.Logger, c echo.Context, p *Problem, err error) {
	level := slog.LevelWarn // 503 says "try again": expected under load
	if p.Status() == http.StatusInternalServerError {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("request_id", RequestID(c)),
		slog.String("method", c.Request().Method),
		slog.String("endpoint", c.Path()),
		slog.Int("status", p.Status()),
		slog.String("error", err.Error()),
	}
	if crash, ok := errors.AsType[*panicError](err); ok {
		attrs = append(attrs, slog.String("stack", string(crash.stack)))
	}
	logger.LogAttrs(c.Request().Context(), level, "request failed", attrs...)
}

func writeProblem(c echo.Context, p *Problem) error {
	status := p.Status()
	h := c.Response().Header()
	h["Cache-Control"] = noStore
	for _, name := range [...]string{"Etag", "Last-Modified", "Content-Encoding", "Content-Length", "Location"} {
		delete(h, name) // of the answer that was not given
	}
	switch status {
	case http.StatusUnauthorized:
		if h.Get("WWW-Authenticate") == "" {
			h.Set("WWW-Authenticate", "Bearer")
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h["Retry-After"] = []string{retryAfter(p)}
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	body, err := p.append((*buffer)[:0], RequestID(c))
	if err != nil {
		return err
	}
	*buffer = body // whoever writes it keeps a copy
	return c.Blob(status, ProblemType, body)
}

// noStore is only read, as the headers' values are.
var noStore = []string{"no-store"}

// retryAfter is whole seconds, rounded up, at least one. Of what nobody can tell the end of it
// is one to five: whoever was refused together is not to come back together.
func retryAfter(p *Problem) string {
	if p.RetryAfter == 0 && p.Code == Unavailable {
		return strconv.Itoa(1 + rand.N(5))
	}
	seconds := int64((p.RetryAfter + time.Second - 1) / time.Second)
	return strconv.FormatInt(max(seconds, 1), 10)
}
