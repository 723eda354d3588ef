package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/admission"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/web"
)

const (
	maxBatchBody = 1 << 20
	maxBatch     = 1000
	// linesARequest is how many lines cost as much of the rate limit as a request: the log's
	// part of one, where what HTTP takes is shared.
	linesARequest = 10
)

// Batch is the body of POST /v1/commands.
type Batch struct {
	Commands []Line `json:"commands" doc:"at most 1,000, each decided on its predecessors' results"`
}

// Line is one command of a batch, and one line of an import.
type Line struct {
	ID         events.ID      `json:"id" doc:"the command's own id: sending it again does nothing; it counts for one user"`
	Type       string         `json:"type" doc:"name of the command, such as goal.create"`
	Data       jsontext.Value `json:"data,omitempty" doc:"the command, as in the body of its own path; with the id of what it is about"`
	OccurredAt *time.Time     `json:"occurred_at,omitempty" doc:"when it happened, from 1900 on; now by default" format:"date-time"`
	As         events.ID      `json:"as,omitzero" doc:"in whose name; for admins"`
}

// Verdicts is the answer to a batch.
type Verdicts struct {
	Verdicts []LineVerdict `json:"verdicts" doc:"one for each command, in order"`
}

// LineVerdict is what became of one command of a batch: an answer or a problem.
type LineVerdict struct {
	Command  events.ID        `json:"command,omitzero" doc:"id of the command, where it has one"`
	Status   int              `json:"status" doc:"as the command's own path would have answered"`
	ID       events.ID        `json:"id,omitzero" doc:"what it was about"`
	Version  int              `json:"version,omitzero" doc:"of its aggregate"`
	Position uint64           `json:"position,omitzero" doc:"by when it is done"`
	Replayed bool             `json:"replayed,omitzero" doc:"it had been done before"`
	Code     web.Code         `json:"code,omitempty" doc:"of the problem"`
	Detail   string           `json:"detail,omitempty" doc:"of the problem"`
	Errors   []web.FieldError `json:"errors,omitempty" doc:"of the problem, pointing into the command: /type, or /data/title"`
}

// batch carries several commands out.
func (a *API) batch(c echo.Context) error {
	given, err := a.given(c, false)
	if err != nil {
		return err
	}
	var in Batch
	if err := web.DecodeStrict(c.Request(), maxBatchBody, &in); err != nil {
		return err
	}
	if in.Commands == nil {
		return missing("/commands")
	}
	if len(in.Commands) > maxBatch {
		return web.NewProblem(web.RuleViolated, "", web.FieldError{Pointer: "/commands", Code: "too_many", Detail: "At most 1,000 commands are taken at a time."})
	}
	limiter := a.Admission.batch(len(in.Commands))
	if err := limiter.Room(); err != nil {
		return problem(err)
	}
	if err := web.Charge(c, len(in.Commands)/linesARequest); err != nil {
		return err
	}
	verdicts := make([]LineVerdict, len(in.Commands))
	var requests []*dispatch.Request
	var at []int
	for i, line := range in.Commands {
		verdicts[i].Command = line.ID
		r, err := line.Request(given)
		if err == nil {
			err = a.naming(c, given.Role, r.Command)
		}
		if err != nil {
			verdicts[i].refuse(err)
			continue
		}
		r.Correlation, r.TraceParent = web.RequestID(c), traceParent(c)
		requests, at = append(requests, r), append(at, i)
	}
	done, err := a.all(c, limiter, requests)
	if err != nil {
		return problem(err)
	}
	last := uint64(0)
	for i, v := range done {
		verdicts[at[i]].fill(v, requests[i])
		last = max(last, v.Position)
	}
	if last > 0 {
		c.Response().Header()["Sical-Position"] = []string{strconv.FormatUint(last, 10)}
	}
	// By the package that c.JSON uses: the one that reads commands fails for a text that is
	// no UTF-8, and these are done.
	body, err := json.Marshal(Verdicts{verdicts})
	if err != nil {
		return err
	}
	web.TakeTime(c.Response(), len(body))
	return c.JSONBlob(http.StatusOK, append(body, '\n'))
}

// all carries requests out, once they are let in together. It fails with an
// admission.OverloadError.
func (a *API) all(c echo.Context, l *admission.Limiter, requests []*dispatch.Request) (done []dispatch.Verdict, err error) {
	if len(requests) == 0 {
		return nil, nil
	}
	err = limited(web.Context(c), l, func(ctx context.Context) error {
		done = a.Dispatcher.All(ctx, requests)
		for _, v := range done {
			if v.Err != nil && !judged(v.Err) {
				return v.Err
			}
		}
		return nil
	})
	if done != nil { // whose verdicts tell what has failed
		a.logFailures(c, done)
		return done, nil
	}
	return nil, err
}

// logFailures says in the log why commands could not be carried out, each reason once: nothing
// else would, as the batch itself is answered. Of a newer release's events, of which there are
// many, a form is a reason. Nobody asks why where the client has left.
func (a *API) logFailures(c echo.Context, done []dispatch.Verdict) {
	told := map[string]bool{}
	for _, v := range done {
		if v.Err == nil || judged(v.Err) || errors.Is(v.Err, context.Canceled) {
			continue
		}
		reason := v.Err.Error()
		if unknown, ok := errors.AsType[events.UnknownType](v.Err); ok {
			reason = unknown.Form()
		}
		if !told[reason] {
			told[reason] = true
			a.Logger.WarnContext(web.Context(c), "commands of a batch were not carried out", "error", v.Err)
		}
	}
}

// Request is the command of a line, given by the actor or, for an admin, in
// somebody's name: then with that person's rights as a learner.
func (l Line) Request(given command.Given) (*dispatch.Request, error) {
	rule, ok := command.RuleNamed(l.Type)
	switch {
	case l.ID == uuid.Nil:
		return nil, field("/id", "A command of a batch brings an id of its own.")
	case !ok:
		return nil, field("/type", "There is no command of this name.")
	case l.As != uuid.Nil && l.As != given.Actor && given.Role != events.Admin:
		return nil, web.NewProblem(web.Forbidden, "Only an admin acts in somebody's name.")
	}
	key := l.ID
	if given.Actor != uuid.Nil { // an import's lines are the system's own
		key = keyID(given.Actor, "", "POST /v1/commands", l.ID.String())
	}
	cmd := rule.New()
	data := []byte(l.Data)
	if len(data) == 0 {
		data = []byte("{}")
	}
	if err := web.DecodeStrictBytes(data, cmd); err != nil {
		return nil, inLine(err, cmd)
	}
	if *cmd.Subject() == uuid.Nil {
		return nil, field("/data/id", "In a batch the data names what the command is about.")
	}
	if at := brought(cmd); at != "" {
		return nil, field("/data"+at, "Passwords are not taken in batches.")
	}
	if l.As != uuid.Nil {
		given.Actor, given.Role, given.Session = l.As, events.Learner, uuid.Nil
	}
	if l.OccurredAt != nil {
		given.At = l.OccurredAt.UTC()
	}
	if dated, ok := cmd.(command.Dated); ok && dated.When() != nil {
		given.At = dated.When().UTC()
	}
	asked := append([]byte(l.Type+"\x00"+given.Actor.String()+"\x00"), data...)
	return &dispatch.Request{Rule: rule, Command: cmd, Given: given, Key: key, Asked: asked}, nil
}

// missing refuses the absence of a required member.
func missing(pointer string) error {
	detail := fmt.Sprintf("The field %q is needed.", pointer[1:])
	return web.NewProblem(web.RuleViolated, detail, web.FieldError{Pointer: pointer, Code: "missing", Detail: detail})
}

func field(pointer, detail string) error {
	return web.NewProblem(web.RuleViolated, detail, web.FieldError{Pointer: pointer, Code: "invalid", Detail: detail})
}

// inLine makes the pointers of a problem that point into the command's data point into
// the line. One may be meant for the line's own: the time, where the data has none.
func inLine(err error, cmd command.Command) error {
	p, ok := errors.AsType[*web.Problem](err)
	if !ok {
		return err
	}
	dated, ok := cmd.(command.Dated)
	lineTime := p.Code == web.RuleViolated && (!ok || dated.When() == nil)
	for i, f := range p.Errors {
		if f.Pointer != "/occurred_at" || !lineTime {
			p.Errors[i].Pointer = "/data" + f.Pointer
		}
	}
	return p
}

func (v *LineVerdict) fill(from dispatch.Verdict, r *dispatch.Request) {
	if from.Err != nil {
		v.refuse(inLine(problem(from.Err), r.Command))
		return
	}
	v.Status = http.StatusOK
	if r.Rule.Creates {
		v.Status = http.StatusCreated
	}
	v.ID, v.Version, v.Position, v.Replayed = from.ID, from.Version, from.Position, from.Replayed
}

func (v *LineVerdict) refuse(err error) {
	p, ok := errors.AsType[*web.Problem](err)
	if !ok {
		p = web.NewProblem(web.Internal, "")
	}
	v.Status, v.Code, v.Detail, v.Errors = p.Status(), p.Code, p.Detail, p.Errors
}
