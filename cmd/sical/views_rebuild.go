package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"golang.org/x/term"

	"sical-backend/internal/pause"
	"sical-backend/internal/projector"
	"sical-backend/internal/rebuild"
	"sical-backend/projections"
)

// ViewJobs lists rebuilds and verifications.
type ViewJobs struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Run prints one line a job.
func (l *ViewJobs) Run(ctx context.Context, a *App, out *output) error {
	return onViews(ctx, a, func(p pool) error {
		list, err := rebuild.Jobs(ctx, p)
		if err != nil {
			return err
		}
		if l.JSON {
			return encodeLines(out, list)
		}
		for _, j := range list {
			fmt.Fprintf(out, "%s of %s\n", j.Kind, line(&j))
		}
		return nil
	})
}

// ViewRebuild rebuilds a view.
type ViewRebuild struct {
	Name            viewName `arg:"" help:"Name of the view."`
	RequireApproval bool     `help:"Hold the change over until it is approved."`
	Approve         bool     `help:"Change over whatever the comparison shows."`
	Rate            int      `help:"Events a second at most; 0 for as many as live traffic leaves room for."`
	Shards          int      `help:"Shards of the new build; 0 for as many as the present one has."`
	Detach          bool     `help:"Ask for it, and do not wait."`
	JSON            bool     `name:"json" help:"One JSON object a line."`
}

func (r *ViewRebuild) request() rebuild.Request {
	return rebuild.Request{RequireApproval: r.RequireApproval, Approved: r.Approve, Rate: r.Rate, Shards: r.Shards}
}

// Validate refuses figures out of bounds.
func (r *ViewRebuild) Validate() error {
	if err := r.request().Check(); err != nil {
		return fmt.Errorf("--%w", err)
	}
	return nil
}

// Run asks for a rebuild, which projectors do, and shows how far it is until it
// ends or is held.
func (r *ViewRebuild) Run(ctx context.Context, a *App, out *output) error {
	return onView(ctx, a, r.Name, true, func(p pool, v *projections.View) error {
		if err := rebuild.Start(ctx, p, v, r.request()); err != nil {
			return err
		}
		if !r.Detach {
			return watch(ctx, a, p, v, out, r.JSON)
		}
		j, err := rebuild.Look(ctx, p, v, rebuild.KindRebuild)
		if err == nil && j == nil {
			err = errGone
		}
		if err != nil {
			return err
		}
		return say(out, r.JSON, j, "The rebuild of %s is asked for; `sical projections jobs` tells how far it is.", v.Name)
	})
}

// errGone is returned where somebody has taken the job away that is waited for.
var errGone = errors.New("the job is gone")

// watch shows a rebuild until it ends or is held, as an object a line or as one line of a
// terminal that is gone before anything else is said.
func watch(ctx context.Context, a *App, p pool, v *projections.View, out *output, lines bool) error {
	lines = lines || !term.IsTerminal(int(os.Stderr.Fd()))
	show := func(j *rebuild.Job) { fmt.Fprintf(os.Stderr, "\r\033[K%s", line(j)) }
	clear := func() { fmt.Fprint(os.Stderr, "\r\033[K") }
	if lines {
		encoder := json.NewEncoder(out)
		show, clear = func(j *rebuild.Job) { _ = encoder.Encode(j) }, func() {}
	}
	j, err := lookUntil(ctx, p, v, rebuild.KindRebuild, 500*time.Millisecond, func(j *rebuild.Job) bool {
		show(j)
		return j.State == rebuild.Held || j.Ended()
	})
	clear()
	if err != nil {
		a.leave(ctx, v)
		return err
	}
	switch {
	case j.State == rebuild.Held:
		if !lines { // which has the outcome
			tell(out, j.Outcome)
		}
		return fmt.Errorf("held: %s. `sical projections approve %[2]s` changes over all the same, `sical projections cancel %[2]s` drops the new build", text(j.Error), v.Name)
	case j.State != rebuild.Done:
		return fmt.Errorf("the rebuild is %s: %s", j.State, text(j.Error))
	case !lines:
		fmt.Fprintf(out, "%s is read from build %d.\n", v.Name, *j.Build)
	}
	return nil
}

// leave tells, where who watched a rebuild was interrupted, who goes on with it.
func (a *App) leave(ctx context.Context, v *projections.View) {
	if ctx.Err() == nil {
		return
	}
	when := ""
	if a.instance != nil { // nobody else folds
		when = " with the next sical serve"
	}
	fmt.Fprintf(os.Stderr, "The rebuild goes on%s; `sical projections cancel %s` ends it.\n", when, v.Name)
}

// line is a job as a terminal shows it.
func line(j *rebuild.Job) string {
	state := j.State
	if j.Phase != "" {
		state = j.Phase
	}
	s := fmt.Sprintf("%s: %s, %.1f %%", j.View, state, j.Percent)
	if j.Rate > 0 {
		s += fmt.Sprintf(", %.0f events/s", j.Rate)
	}
	if j.ETA != nil {
		s += fmt.Sprintf(", %s left", time.Duration(math.Ceil(*j.ETA))*time.Second)
	}
	return s
}

// tell prints the differences that a comparison found.
func tell(out *output, found json.RawMessage) {
	var o rebuild.Outcome
	if json.Unmarshal(found, &o) != nil {
		return // there was no comparison
	}
	for _, d := range o.First {
		fmt.Fprintf(out, "%s%s\n\twant %s\n\tgot  %s\n", d.Key, d.Total, d.Want, d.Got)
	}
}

// ViewCancel cancels what is done to a view.
type ViewCancel struct {
	Name viewName `arg:"" help:"Name of the view."`
	JSON bool     `name:"json" help:"What was cancelled, one JSON object a line."`
}

// Run asks for a rebuild or a verification to be given up, and waits until it is.
func (r *ViewCancel) Run(ctx context.Context, a *App, out *output) error {
	return onView(ctx, a, r.Name, true, func(p pool, v *projections.View) error {
		kinds, err := rebuild.Cancel(ctx, p, v)
		if err != nil {
			return err
		}
		for _, kind := range kinds {
			j, err := lookUntil(ctx, p, v, kind, 100*time.Millisecond, (*rebuild.Job).Ended)
			if err == nil {
				err = say(out, r.JSON, j, "The %s of %s is %s.", kind, v.Name, j.State)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// lookUntil looks at a view's job of a kind, every so often, until it is as asked for, and
// returns it then.
func lookUntil(ctx context.Context, p pool, v *projections.View, kind string, every time.Duration, is func(*rebuild.Job) bool) (*rebuild.Job, error) {
	for {
		j, err := rebuild.Look(ctx, p, v, kind)
		switch {
		case err != nil:
			return nil, err
		case j == nil:
			return nil, errGone
		case is(j):
			return j, nil
		case !pause.For(ctx, every):
			return nil, ctx.Err()
		}
	}
}

// ViewApprove approves a rebuild that is held.
type ViewApprove struct {
	Name viewName `arg:"" help:"Name of the view."`
	JSON bool     `name:"json" help:"One JSON object a line."`
}

// Run lets a rebuild change over, and waits until it has.
func (r *ViewApprove) Run(ctx context.Context, a *App, out *output) error {
	return onView(ctx, a, r.Name, true, func(p pool, v *projections.View) error {
		if err := rebuild.Approve(ctx, p, v); err != nil {
			return err
		}
		if _, err := lookUntil(ctx, p, v, rebuild.KindRebuild, 100*time.Millisecond, func(j *rebuild.Job) bool { return j.State != rebuild.Held }); err != nil {
			return err
		}
		return watch(ctx, a, p, v, out, r.JSON)
	})
}

// ViewRollback goes back to the previous build.
type ViewRollback struct {
	Name viewName `arg:"" help:"Name of the view."`
	JSON bool     `name:"json" help:"What is read now as one JSON object."`
}

// Run has the previous build read again; doing it twice goes forward again.
func (r *ViewRollback) Run(ctx context.Context, a *App, out *output) error {
	return onView(ctx, a, r.Name, false, func(p pool, v *projections.View) error {
		var read int
		err := rebuild.Rollback(ctx, p, v, func(b projections.Build) {
			projector.Announce(projector.Config{Changes: a.nats.Conn, Logger: a.logger}, b)
			read = b.Number
		})
		if flushed := a.nats.FlushTimeout(time.Second); flushed != nil {
			a.logger.Debug("the notice is on its way", "error", flushed)
		}
		if err != nil {
			return err
		}
		return say(out, r.JSON, map[string]any{"view": v.Name, "version": v.Version, "build": read}, "%s is read from build %d.", v.Name, read)
	})
}
