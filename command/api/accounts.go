package api

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/auth"
	"sical-backend/internal/web"
)

// Login is the body of POST /v1/sessions: a username or an e-mail address, and
// the password.
type Login struct {
	Username string `json:"username,omitempty" doc:"username; this or the e-mail address is needed" maxlen:"64"`
	Email    string `json:"email,omitempty" doc:"e-mail address" maxlen:"254"`
	Password string `json:"password" doc:"password" maxlen:"256" format:"password"`
}

// longestPassword is the bound of a password of a login in bytes, as command.LongestLogin is
// that of its name.
const longestPassword = 4 << 10

// whole refuses a login that says too little or too much.
func (in Login) whole() error {
	const needed, long = "A username or an e-mail address is needed, and the password.", "Nothing that somebody may have is this long."
	at := func(pointer, code, detail string) error {
		return web.NewProblem(web.RuleViolated, detail, web.FieldError{Pointer: pointer, Code: code, Detail: detail})
	}
	switch {
	case in.Username == "" && in.Email == "":
		return at("/username", "missing", needed)
	case in.Username != "" && in.Email != "":
		return at("/email", "one_too_many", needed)
	case in.Password == "":
		return at("/password", "missing", needed)
	case len(in.Username) > command.LongestLogin:
		return at("/username", "too_long", long)
	case len(in.Email) > command.LongestLogin:
		return at("/email", "too_long", long)
	case len(in.Password) > longestPassword:
		return at("/password", "too_long", long)
	}
	return nil
}

// Renewal is the body of POST /v1/sessions/refresh.
type Renewal struct {
	RefreshToken string `json:"refresh_token" doc:"from the last answer; each can be used once" maxlen:"64"`
}

// Tokens is what a login and a refresh answer.
type Tokens struct {
	AccessToken  string `json:"access_token" doc:"for the Authorization header"`
	TokenType    string `json:"token_type" doc:"Bearer"`
	ExpiresIn    int    `json:"expires_in" doc:"seconds the access token lives"`
	RefreshToken string `json:"refresh_token" doc:"for a new access token, once"`
}

// logIn opens a session. Whatever is wrong, the answer and its time are the same.
func (a *API) logIn(c echo.Context) error {
	var in Login
	if err := web.DecodeStrict(c.Request(), maxBody, &in); err != nil {
		return err
	}
	if err := in.whole(); err != nil {
		return err
	}
	claim := command.LoginClaim(in.Username + in.Email)
	ctx := web.Context(c)
	var user events.ID
	err := a.admitted(c, func(ctx context.Context) (err error) {
		user, err = a.Dispatcher.Account(ctx, claim)
		return err
	})
	if err != nil {
		return problem(err)
	}
	right, generation, err := a.verify(c, claim.Kind+":"+claim.Value, user, in.Password)
	if err != nil {
		return err
	}
	unknown := web.NewProblem(web.Unauthenticated, "There is no such account, or its password is another.")
	if !right { // before anything is read of somebody who is there
		return unknown
	}
	role, status, err := a.Dispatcher.Standing(ctx, user)
	if err != nil {
		return problem(err)
	}
	if status == "" {
		return unknown
	}
	if status != events.UserStatusActive {
		return web.NewProblem(web.Forbidden, "This account is suspended.")
	}
	tokens, err := a.Sessions.Open(ctx, user, string(role), generation)
	if errors.Is(err, auth.ErrStale) {
		return web.NewProblem(web.Unauthenticated, "The account changed meanwhile: log in again.")
	}
	if err != nil {
		return problem(err)
	}
	return give(c, http.StatusCreated, tokens)
}

// verify checks a password behind the throttle. It takes the same time for
// someone who is not there.
func (a *API) verify(c echo.Context, account string, user events.ID, password string) (right bool, generation int64, err error) {
	address, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return false, 0, err
	}
	if wait := a.Throttle.Allow(account, address); wait > 0 {
		return false, 0, &web.Problem{Code: web.TooManyRequests, Detail: "Too many attempts: wait a little.", RetryAfter: wait}
	}
	credential, err := a.Sessions.Credential(web.Context(c), user)
	if err != nil {
		return false, 0, problem(err)
	}
	right, err = a.Hasher.Verify(web.Context(c), password, credential.PasswordHash)
	if err != nil {
		return false, 0, problem(err)
	}
	if right {
		a.Throttle.Succeeded(account, address)
	}
	return right, credential.Generation, nil
}

// refresh gives new tokens for a refresh token.
func (a *API) refresh(c echo.Context) error {
	var in Renewal
	if err := web.DecodeStrict(c.Request(), maxBody, &in); err != nil {
		return err
	}
	if in.RefreshToken == "" {
		return missing("/refresh_token")
	}
	var tokens auth.Tokens
	err := a.admitted(c, func(ctx context.Context) (err error) {
		tokens, err = a.Sessions.Refresh(ctx, in.RefreshToken, a.standing)
		return err
	})
	if errors.Is(err, auth.ErrRefresh) || errors.Is(err, auth.ErrReuse) {
		return web.NewProblem(web.Unauthenticated, "The refresh token is not valid, or was used.")
	}
	if err != nil {
		return problem(err)
	}
	return give(c, http.StatusOK, tokens)
}

// standing is what a new token says of a user, and whether they may have one.
func (a *API) standing(ctx context.Context, user uuid.UUID) (role string, active bool, err error) {
	as, status, err := a.Dispatcher.Standing(ctx, user)
	return string(as), status == events.UserStatusActive, err
}

// logOut ends the session that the token belongs to.
func (a *API) logOut(c echo.Context) error {
	p, err := web.RequirePrincipal(c)
	if err != nil {
		return err
	}
	if err := a.admitted(c, func(ctx context.Context) error { return a.Sessions.End(ctx, p.SessionID) }); err != nil {
		return problem(err)
	}
	return c.NoContent(http.StatusNoContent)
}

func give(c echo.Context, status int, t auth.Tokens) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(status, Tokens{t.Access, "Bearer", int(t.ExpiresIn / time.Second), t.Refresh})
}

// noticeEnds makes sessions that a command has ended known in this process at
// once; others hear of them within a second.
func (a *API) noticeEnds(c echo.Context, cmd command.Command) {
	switch cmd.(type) {
	case *command.ChangePassword, *command.SetRole, *command.SuspendUser, *command.EraseUser:
		if err := a.Revocations.Poll(web.Context(c)); err != nil {
			a.Logger.WarnContext(web.Context(c), "revocations: not read at once", "error", err)
		}
	}
}
