package web

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

// Principal is who a request comes from, as its access token says.
type Principal struct {
	UserID     uuid.UUID
	Role       string
	SessionID  uuid.UUID
	Generation int64     // of the user's sessions, when the token was signed
	Expires    time.Time // of the token
}

// Verifier checks an access token. Its error is answered as 401, unless it is
// (or wraps) a Problem, such as `unavailable`.
type Verifier func(token string) (Principal, error)

const (
	principalKey = "web.principal"
	maxToken     = 8 << 10
)

// PrincipalOf is who the request comes from; false means anonymous.
func PrincipalOf(c echo.Context) (Principal, bool) {
	if r, ok := c.(*request); ok {
		return r.principal, r.known
	}
	p, ok := c.Get(principalKey).(Principal)
	return p, ok
}

// RequirePrincipal is who the request comes from, or an `unauthenticated` problem.
func RequirePrincipal(c echo.Context) (Principal, error) {
	p, ok := PrincipalOf(c)
	if !ok {
		return Principal{}, NewProblem(Unauthenticated, "This needs an access token.")
	}
	return p, nil
}

// SetPrincipal says who the request comes from: as its token has told or, before a handler
// that is tested alone, as the test wants it.
func SetPrincipal(c echo.Context, p Principal) {
	if r, ok := c.(*request); ok {
		r.principal, r.known = p, true
		return
	}
	c.Set(principalKey, p)
}

// request is a context that knows who asks: Echo's own store is a map, which it
// makes anew for every request that has something to put there.
type request struct {
	echo.Context
	principal Principal
	known     bool
	limits    *limits // that hold for it, nil for none
	begun     time.Time
	head      head // of the answer, where the connection is one of Serve's
}

func (r *request) begin(c echo.Context) {
	r.Context = c
	if conn := connOf(c.Request()); conn != nil {
		w := c.Response()
		r.head.begin(w.Writer, conn)
		w.Writer = &r.head
	}
}

// end leaves nothing behind but the room of the header.
func (r *request) end() {
	if r.head.conn != nil {
		r.Response().Writer = r.head.ResponseWriter
		r.head.end()
	}
	*r = request{head: r.head}
}

// Get finds the principal also where someone has put a context of their own around
// this one.
func (r *request) Get(key string) any {
	if key == principalKey && r.known {
		return r.principal
	}
	return r.Context.Get(key)
}

// requests are used again: Echo's contexts must not outlive their requests either.
var requests = sync.Pool{New: func() any { return new(request) }}

// authenticate reads the bearer token (RFC 6750). No token leaves the request
// anonymous; a bad one is refused even where none is needed, so that a client
// learns at once that it expired.
func authenticate(c echo.Context, verify Verifier) error {
	header := c.Request().Header["Authorization"]
	if len(header) == 0 {
		return nil
	}
	token, ok := bearer(header)
	if !ok {
		return refuseToken(c)
	}
	p, err := verify(token)
	if err != nil {
		if problem, ok := errors.AsType[*Problem](err); ok && problem.Code != Unauthenticated {
			return err
		}
		return refuseToken(c)
	}
	SetPrincipal(c, p)
	return nil
}

// bearer takes the token out of the one Authorization header there may be.
func bearer(header []string) (token string, ok bool) {
	if len(header) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(header[0], " ")
	token = strings.TrimLeft(token, " ")
	if !ok || !strings.EqualFold(scheme, "bearer") || token == "" || len(token) > maxToken {
		return "", false
	}
	return token, true
}

// errBadToken answers every token that is refused, without saying why.
var errBadToken = NewProblem(Unauthenticated, "The access token is not valid, or no longer.")

func refuseToken(c echo.Context) error {
	c.Response().Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	return errBadToken
}
