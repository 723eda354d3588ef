package dispatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/vault"
)

// settle turns the log's result into the verdict. A job stays open, to be decided
// anew, where it lost a race or was decided on a predecessor that failed. This ends:
// the first open job has no predecessor, so it is settled or loses a race, and a job
// may lose no more than anew times.
func (d *Dispatcher) settle(ctx context.Context, j *job) {
	r := j.entry.Result
	var lost eventlog.ConflictError
	var missing eventlog.GoneError
	switch {
	case errors.Is(r.Err, eventlog.ErrUnfounded): // decided anew; it has lost no race
	case r.Known:
		j.known(r)
	case errors.As(r.Err, &lost) && lost.Stream == j.stream && j.Rule.Creates:
		j.fail(exists())
	case errors.As(r.Err, &lost) && lost.Stream == j.subject && j.IfMatch != nil:
		j.fail(ErrVersion)
	case errors.As(r.Err, &lost):
		j.lost()
	case errors.Is(r.Err, eventlog.ErrClaimed):
		d.taken(ctx, j)
	case errors.As(r.Err, &missing):
		j.fail(j.missing(missing.Stream))
	case errors.Is(r.Err, vault.ErrForgotten):
		j.fail(j.missing(events.StreamOf(events.KindUser, j.Given.Actor)))
	case r.Err != nil:
		j.fail(r.Err)
	default:
		j.done, j.verdict = true, Verdict{ID: *j.Command.Subject(), Version: r.Version, Position: r.Position}
		if j.entry.Forget {
			d.vault.Forget(j.entry.Subject)
			d.folds.clear()
		}
	}
}

// known settles a job whose key had come before. Of some commands no digest was
// kept: their key alone says what they were.
func (j *job) known(r eventlog.Result) {
	if len(r.Request) > 0 && !bytes.Equal(r.Request, j.digest) {
		j.fail(ErrKeyReused)
		return
	}
	j.done, j.verdict = true, Verdict{ID: r.Subject, Version: r.Version, Position: r.Position, Replayed: true}
}

// lost leaves the job open, because somebody else changed its stream first. After
// anew times it fails.
func (j *job) lost() {
	if j.conflicts++; j.conflicts > anew {
		j.fail(&command.Refusal{Reason: command.Conflict, Code: "conflict", Detail: "Others changed it at the same time; look at it again."})
	}
}

// taken finds out which unique value somebody else has: the log only tells that one of
// them is taken. Where all are free by now, the job has lost a race.
func (d *Dispatcher) taken(ctx context.Context, j *job) {
	if len(j.claims) == 1 {
		j.fail(taken(j.claims[0]))
		return
	}
	if err := d.claimed(ctx, j, j.entry.Claims, &states{}); err != nil {
		j.fail(err)
		return
	}
	j.lost()
}

// claimed fails where another stream has one of the values that the job claims, or
// where the user to create has one already. What a decision of this round has changed may
// have let its value go.
func (d *Dispatcher) claimed(ctx context.Context, j *job, claims []eventlog.Claim, states *states) error {
	for i, c := range j.claims {
		if claims[i].Key == nil {
			continue // a value is let go
		}
		holder, err := d.log.Claimed(ctx, claims[i].Key)
		if err != nil {
			return err
		}
		switch {
		case holder == "" || states.changed(holder):
		case holder != j.stream:
			return taken(c)
		case j.Rule.Creates:
			return exists()
		}
	}
	return nil
}

// exists says that what was to be created is there.
func exists() error {
	return &command.Refusal{Reason: command.Conflict, Code: "already_exists", Pointer: "/id", Detail: "There is one with this id already."}
}

// taken says that somebody else has a unique value.
func taken(c command.Claim) error {
	return &command.Refusal{Reason: command.Conflict, Code: c.Kind + "_taken", Pointer: c.Field, Detail: "Somebody else has it."}
}

// missing says which aggregate that the decision relied on is not there.
func (j *job) missing(s events.Stream) error {
	for _, ref := range j.required {
		if ref.Stream == s && ref.Pointer != "" {
			return &command.Refusal{Reason: command.Broken, Code: "unknown_" + string(s.Kind()), Pointer: ref.Pointer, Detail: fmt.Sprintf("There is no such %s.", s.Kind())}
		}
	}
	return &command.Refusal{Reason: command.NotFound, Code: "not_found", Detail: fmt.Sprintf("There is no such %s.", s.Kind())}
}
