package api

import (
	"context"
	"net/netip"

	"github.com/labstack/echo/v4"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/auth"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/web"
)

// password checks and hashes the password that a command brings, and the one so
// far of a command that replaces it.
func (a *API) password(c echo.Context, r *dispatch.Request) error {
	with, ok := r.Command.(command.Passworded)
	if !ok {
		return nil
	}
	if change, ok := with.(*command.ChangePassword); ok && change.Current != "" {
		if err := a.current(c, r.Given.Actor, change); err != nil {
			return err
		}
	}
	password, hash := with.Secret()
	if password == "" {
		return nil
	}
	if err := auth.CheckPassword(password); err != nil {
		return web.NewProblem(web.RuleViolated, "This password cannot be used.",
			web.FieldError{Pointer: passwordAt(with), Code: "password", Detail: err.Error()})
	}
	hasher := a.Hasher
	if r.Rule.Creates {
		if settled, err := a.newcomer(c, r, hash); settled || err != nil {
			return err
		}
		hasher = a.Newcomers
	}
	hashed, err := hasher.Hash(web.Context(c), password)
	*hash = hashed
	return problem(err)
}

// current checks the password that a change takes the place of. Which one that is, is
// read before it is checked: while that takes its time another change may come first.
func (a *API) current(c echo.Context, user events.ID, change *command.ChangePassword) error {
	var present int
	err := a.admitted(c, func(ctx context.Context) (err error) {
		present, err = a.Dispatcher.Password(ctx, user)
		return err
	})
	if err != nil {
		return problem(err)
	}
	right, _, err := a.verify(c, user.String(), user, change.Current)
	if right {
		change.Verified = present
	}
	return err
}

// naming refuses a command that would tell whether a name or an address is taken, if it is
// one too many from its network. Admins have no budget.
func (a *API) naming(c echo.Context, by events.Role, cmd command.Command) error {
	if by == events.Admin || !names(cmd) {
		return nil
	}
	address, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return err
	}
	if wait := a.Throttle.Register(address); wait > 0 {
		return &web.Problem{Code: web.TooManyRequests, Detail: "Too many names and addresses were asked for: wait a little.", RetryAfter: wait}
	}
	return nil
}

// names tells whether a command asks for a name or an address, which somebody may have.
func names(cmd command.Command) bool {
	switch cmd := cmd.(type) {
	case *command.RegisterUser:
		return true
	case *command.ReviseUser:
		return cmd.Username != nil || cmd.Email != nil
	}
	return false
}

// newcomer lets a registration go on to its hash, which is dear, if nothing else is wrong
// with it. One that is settled without a hash was done before.
func (a *API) newcomer(c echo.Context, r *dispatch.Request, hash *string) (settled bool, err error) {
	*hash = "to come" // the rule asks for one
	err = a.admitted(c, func(ctx context.Context) error {
		var v dispatch.Verdict
		v, settled = a.Dispatcher.Foresee(ctx, r)
		return v.Err
	})
	*hash = ""
	return settled, problem(err)
}

// passwordAt is the pointer of the password that a command sets.
func passwordAt(cmd command.Command) string {
	if _, change := cmd.(*command.ChangePassword); change {
		return "/new_password"
	}
	return "/password"
}

// brought is the pointer of a password that a command brings, "" where it brings none.
func brought(cmd command.Command) string {
	with, ok := cmd.(command.Passworded)
	if !ok {
		return ""
	}
	if password, _ := with.Secret(); password != "" {
		return passwordAt(cmd)
	}
	if change, ok := with.(*command.ChangePassword); ok && change.Current != "" {
		return "/current_password"
	}
	return ""
}
