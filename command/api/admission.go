package api

import (
	"context"
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/admission"
	"sical-backend/internal/auth"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/web"
)

// Admission refuses what the log could not do in good time, before anything of it is done, so
// that nothing is done for those who have long stopped waiting. Long batches have a limit of
// their own: nobody's command shall be refused because of them. Import and reactions, which can
// wait, pass it by.
type Admission struct{ commands, batches *admission.Limiter }

// Requests for each connection to the database, to begin with: as many as take a few tenths of
// a second. Commands are appended together, so that many of them may be under way at any time:
// where the disk of the log takes long, more come with each of its writes.
const leastOfConn, commandsOfConn, batchesOfConn = 16, 120, 4

// NewAdmission makes the limits of a process that has so many connections for its requests.
func NewAdmission(conns int) *Admission {
	wait := admission.NewRunQueue(time.Now).Delay
	return &Admission{
		commands: admission.NewLimiter(leastOfConn*conns, commandsOfConn*conns, conns, time.Now, wait),
		batches:  admission.NewLimiter(2*conns, batchesOfConn*conns, conns, time.Now, wait),
	}
}

// Loads tell how many requests are under way to the log, and how many may be just now: of
// commands with all other requests, and of batches.
func (a *Admission) Loads() (commands, batches func() (underWay, limit int)) {
	return a.commands.State, a.batches.State
}

// batch is the limiter of a batch of so many commands: a short one counts as a command does.
func (a *Admission) batch(commands int) *admission.Limiter {
	if commands > linesARequest {
		return a.batches
	}
	return a.commands
}

// admitted has work ask the database for a request, and fails as that does, or with an
// admission.OverloadError. What takes its time elsewhere, such as a body that comes slowly or
// a password to hash, is no part of work.
func (a *API) admitted(c echo.Context, work func(context.Context) error) error {
	if spared(c) {
		return work(web.Context(c))
	}
	return limited(web.Context(c), a.Admission.commands, work)
}

// carryOut is admitted, but for a command whose password was hashed for it: that was the dear
// part, and lets few through.
func (a *API) carryOut(c echo.Context, r *dispatch.Request, work func(context.Context) error) error {
	if with, ok := r.Command.(command.Passworded); ok {
		if _, hash := with.Secret(); *hash != "" {
			return work(web.Context(c))
		}
	}
	return a.admitted(c, work)
}

// spared tells whether a request is never refused, unless it is a batch: an admin's, who may be
// about to suspend whoever is the reason that others are.
func spared(c echo.Context) bool {
	p, ok := web.PrincipalOf(c)
	return ok && p.Role == string(events.Admin)
}

// limited has work done as soon as the limiter lets it in. To that, work has failed only where
// it could not be done: that a command is refused took as long to find out as to do it.
func limited(ctx context.Context, l *admission.Limiter, work func(context.Context) error) (err error) {
	over := l.Do(ctx, nil, func() error {
		if err = work(ctx); judged(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return over
}

// judged tells whether an error is the answer to what was asked, and no failure to answer.
func judged(err error) bool {
	for _, answer := range []error{dispatch.ErrVersion, dispatch.ErrKeyReused, auth.ErrRefresh, auth.ErrReuse} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return errors.As(err, new(*command.Refusal))
}
