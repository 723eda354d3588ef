package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/admission"
	"sical-backend/internal/auth"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/web"
)

// problem turns what a command can fail with into what the client is told; this
// is the only place that does. What the log shall say beside that is wrapped with it.
func problem(err error) error {
	var refusal *command.Refusal
	var over *admission.OverloadError
	switch {
	case errors.As(err, &over):
		return &web.Problem{Code: web.Overloaded, Detail: "The log has as much to do as it can in good time. Nothing was done.", RetryAfter: over.RetryAfter}
	case errors.As(err, &refusal):
		return refused(refusal)
	case errors.Is(err, dispatch.ErrVersion):
		return web.NewProblem(web.VersionMismatch, "Somebody changed it since: read it again.")
	case errors.Is(err, dispatch.ErrKeyReused):
		return web.NewProblem(web.IdempotencyKeyReused, "This key came with another request before.")
	case errors.Is(err, auth.ErrBusy):
		return &web.Problem{Code: web.Overloaded, Detail: "Too many passwords are being checked.", RetryAfter: 2 * time.Second}
	case errors.As(err, new(events.UnknownType)): // and a process of the newer release decides
		return fmt.Errorf("%w: %w", web.NewProblem(web.Unavailable, "A newer release has written what this process cannot read. Nothing was done: ask again."), err)
	case errors.Is(err, eventlog.ErrFull):
		return web.NoRoom()
	case errors.Is(err, eventlog.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return &web.Problem{Code: web.Unavailable,
			Detail: "The log cannot be reached, or took too long. Whether the command was done is not known: with an Idempotency-Key, where one is taken, asking again is safe."}
	}
	return err
}

func refused(r *command.Refusal) error {
	code := map[command.Reason]web.Code{
		command.NotFound:  web.NotFound,
		command.Forbidden: web.Forbidden,
		command.Conflict:  web.Conflict,
		command.Broken:    web.RuleViolated,
	}[r.Reason]
	p := web.NewProblem(code, r.Detail)
	if r.Reason == command.Conflict || r.Reason == command.Broken {
		p.Errors = []web.FieldError{{Pointer: r.Pointer, Code: r.Code, Detail: r.Detail}}
	}
	return p
}
