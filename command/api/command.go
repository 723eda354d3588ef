package api

import (
	"context"
	"crypto/sha256"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/tracing"
	"sical-backend/internal/web"
)

// maxBody bounds the body of a single command, in bytes: a path of a thousand
// points fits.
const maxBody = 128 << 10

// keepKeys is how long an Idempotency-Key is remembered.
const keepKeys = 7 * 24 * time.Hour

// Answer is what every command answers.
type Answer struct {
	ID       events.ID `json:"id" doc:"what the command was about"`
	Version  int       `json:"version" doc:"of its aggregate, for If-Match"`
	Position uint64    `json:"position" doc:"by when it is done, for Sical-Min-Position"`
}

// command answers one route of the table.
func (a *API) command(route Route, rule command.Rule) echo.HandlerFunc {
	bare := rule.Bare()
	return func(c echo.Context) error {
		given, err := a.given(c, rule.Anonymous())
		if err != nil {
			return err
		}
		cmd := rule.New()
		body, err := read(c, route, bare, cmd)
		if err != nil {
			return err
		}
		asked, err := remembered(cmd, body)
		if err != nil {
			return err
		}
		if err := subject(c, route, cmd, given); err != nil {
			return err
		}
		if dated, ok := cmd.(command.Dated); ok && dated.When() != nil {
			given.At = *dated.When()
		}
		request := &dispatch.Request{
			Rule: rule, Command: cmd, Given: given,
			Correlation: web.RequestID(c), TraceParent: traceParent(c),
		}
		if err := conditions(c, route, request, asked); err != nil {
			return err
		}
		if err := a.naming(c, given.Role, cmd); err != nil {
			return err
		}
		if err := a.password(c, request); err != nil {
			return err
		}
		return a.answer(c, route, request)
	}
}

// given is who asks, and when.
func (a *API) given(c echo.Context, anonymous bool) (command.Given, error) {
	now := a.Now().UTC()
	given := command.Given{At: now, Now: now}
	if _, known := web.PrincipalOf(c); !known && anonymous {
		return given, nil
	}
	p, err := web.RequirePrincipal(c)
	if err != nil {
		return given, err
	}
	given.Actor, given.Role, given.Session = p.UserID, events.Role(p.Role), p.SessionID
	return given, nil
}

// empty is the body of a request without one.
var empty = []byte("{}")

// read decodes the body into cmd and returns it. Of a bare command it is absent, or an
// empty object, which is what none stands for.
func read(c echo.Context, route Route, bare bool, cmd command.Command) ([]byte, error) {
	r := c.Request()
	if bare {
		if r.ContentLength == 0 {
			return empty, nil
		}
		return empty, web.DecodeStrict(r, maxBody, &struct{}{})
	}
	if r.ContentLength == 0 && route.Subject == FromPath && len(r.Header["Content-Type"]) == 0 {
		return empty, web.DecodeStrictBytes(empty, cmd)
	}
	body, err := web.ReadBody(r, maxBody)
	if err != nil {
		return nil, err
	}
	return body, web.DecodeStrictBytes(body, cmd)
}

// subject sets what the command is about. An id in the body of a command whose
// path names one is refused rather than ignored.
func subject(c echo.Context, route Route, cmd command.Command, given command.Given) (err error) {
	id := cmd.Subject()
	switch {
	case route.Subject == FromBody && *id == uuid.Nil:
		*id, err = uuid.NewV7()
		return err
	case route.Subject == FromBody:
		return nil
	case *id != uuid.Nil:
		return web.NewProblem(web.UnknownField, "The id stands in the path.",
			web.FieldError{Pointer: "/id", Code: string(web.UnknownField)})
	case route.Subject == FromSelf:
		*id = given.Actor
		return nil
	}
	if *id, err = pathID(c); err != nil {
		return err
	}
	return nil
}

// pathID reads the path's {id}; what is no UUID names nothing.
func pathID(c echo.Context) (events.ID, error) {
	id, ok := web.ParseID(c.Param("id"))
	if !ok || id == uuid.Nil {
		return id, web.NewProblem(web.NotFound, "Ids are UUIDs; there is nothing of this name.")
	}
	return id, nil
}

// answer carries the command out.
func (a *API) answer(c echo.Context, route Route, r *dispatch.Request) error {
	var v dispatch.Verdict
	err := a.carryOut(c, r, func(ctx context.Context) error {
		v = a.Dispatcher.Do(ctx, r)
		return v.Err
	})
	if err != nil {
		return problem(err)
	}
	a.noticeEnds(c, r.Command)
	h := c.Response().Header()
	h["Sical-Position"] = []string{strconv.FormatUint(v.Position, 10)}
	if v.Replayed {
		h.Set("Idempotent-Replayed", "true")
	}
	status := http.StatusOK
	if route.Subject == FromBody {
		status = http.StatusCreated
		h.Set("Location", route.Path+"/"+v.ID.String())
	}
	return c.JSONBlob(status, Answer{v.ID, v.Version, v.Position}.append(nil))
}

// append writes the answer's JSON, which the encoder takes many times as long for.
func (a Answer) append(b []byte) []byte {
	b = append(append(b, `{"id":"`...), a.ID.String()...)
	b = strconv.AppendInt(append(b, `","version":`...), int64(a.Version), 10)
	b = strconv.AppendUint(append(b, `,"position":`...), a.Position, 10)
	return append(b, "}\n"...)
}

// remembered is what tells a request from others under the same Idempotency-Key: its body
// without passwords. A digest of a password could be guessed faster than its own hash.
func remembered(cmd command.Command, body []byte) ([]byte, error) {
	if with, ok := cmd.(command.Passworded); ok {
		return json.Marshal(with.Redacted())
	}
	return body, nil
}

// conditions reads Idempotency-Key and If-Match.
func conditions(c echo.Context, route Route, r *dispatch.Request, asked []byte) error {
	version, any, present, err := web.ParseIfMatch(c.Request().Header["If-Match"])
	if err != nil {
		return err
	}
	if present && !any {
		v := int(min(version, math.MaxInt32)) // which none comes to
		r.IfMatch = &v
	}
	keys := c.Request().Header["Idempotency-Key"]
	if len(keys) == 0 {
		return nil
	}
	key := strings.Trim(keys[0], `"`)
	if len(keys) > 1 || key == "" || len(key) > 255 {
		return web.NewProblem(web.InvalidHeader, "", web.FieldError{Header: "Idempotency-Key", Code: "invalid", Detail: "One text of 1 to 255 characters is expected."})
	}
	r.Key = keyID(r.Given.Actor, c.RealIP(), route.Method+" "+c.Request().URL.Path, key)
	r.Asked, r.Keep = asked, keepKeys
	return nil
}

// keyID scopes an idempotency key to its principal and route: a name-based UUID
// (RFC 9562, version 8), so that one user's key says nothing of another's.
func keyID(actor events.ID, address, route, key string) events.ID {
	who := actor.String()
	if actor == uuid.Nil {
		who = address
	}
	sum := sha256.Sum256([]byte("idempotency\x00" + who + "\x00" + route + "\x00" + key))
	id := events.ID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// wellFormedTrace is version 00 of W3C Trace Context, level 1, section 3.2.2.
var wellFormedTrace = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// traceParent is the W3C trace context of the request: its own span's, or the one that
// came in where it has none.
func traceParent(c echo.Context) string {
	if own := tracing.Current(c.Request().Context()); own != "" {
		return own
	}
	if v := c.Request().Header["Traceparent"]; len(v) == 1 && wellFormedTrace.MatchString(v[0]) {
		return v[0]
	}
	return ""
}
