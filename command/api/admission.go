package api

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"sical-backend/internal/admission"
	"sical-backend/internal/web"
)

// Admission refuses what the log could not do in good time, before it is begun: with it,
// nothing is done for those who have long stopped waiting. Batches have a limit of their own:
// nobody's command shall be refused because of them. Import and reactions, which can wait, pass
// it by.
type Admission struct{ commands, batches *admission.Limiter }

// Requests for each connection to the database, to begin with: as many as take a few tenths of
// a second. Commands are appended together, so that many of them may be under way at any time:
// where the disk of the log takes long, more come with each of its writes.
const leastOfConn, commandsOfConn, batchesOfConn = 16, 120, 4

// NewAdmission makes the limits of a process that has so many connections for its requests.
func NewAdmission(conns int) *Admission {
	wait := admission.NewRunQueue(time.Now).Delay
	half := max(1, conns/2)
	return &Admission{
		commands: admission.NewLimiter(leastOfConn*conns, commandsOfConn*conns, conns, time.Now, wait),
		batches:  admission.NewLimiter(half, batchesOfConn*conns, half, time.Now, wait),
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
	return a.Admission.commands.Do(web.Context(c), nil, func() error { return work(web.Context(c)) })
}
