package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"sync/atomic"

	"github.com/labstack/echo/v4"

	"sical-backend/internal/telemetry"
)

// requestIDs makes ids that are unique over processes by a random prefix and
// cheap by a counter: a request id need not be a secret.
type requestIDs struct {
	prefix  string
	counter atomic.Uint64
}

func newRequestIDs() *requestIDs {
	var random [6]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	return &requestIDs{prefix: hex.EncodeToString(random[:]) + "-"}
}

func (ids *requestIDs) next() string {
	var buf [32]byte
	b := append(buf[:0], ids.prefix...)
	return string(strconv.AppendUint(b, ids.counter.Add(1), 36))
}

// of takes the id the client or the proxy before us gave, if it is sane.
func (ids *requestIDs) of(inbound []string) string {
	if len(inbound) == 1 && saneRequestID(inbound[0]) {
		return inbound[0]
	}
	return ids.next()
}

// NameRequests gives every request of e an id, as Protect does, for a listener without the
// rest of that chain. Call it before anything else that may refuse one.
func NameRequests(e *echo.Echo) {
	ids := newRequestIDs()
	e.Pre(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set(echo.HeaderXRequestID, ids.of(c.Request().Header[echo.HeaderXRequestID]))
			return next(c)
		}
	})
}

func saneRequestID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		switch b := id[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '.', b == '_', b == '-':
		default:
			return false
		}
	}
	return true
}

// Context is the request's context, for what is done on its behalf: lines in the log
// that are written with it carry the request's id.
func Context(c echo.Context) context.Context {
	return telemetry.WithRequestID(c.Request().Context(), RequestID(c))
}

// RequestID is the id of the request, which the answer carries as X-Request-ID;
// empty where nothing gave it one.
func RequestID(c echo.Context) string {
	return c.Response().Header().Get(echo.HeaderXRequestID)
}
