package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"sical-backend/internal/projector"
	"sical-backend/internal/rebuild"
	"sical-backend/projections"
)

// Views looks at the read models and steers their projection.
type Views struct {
	List   ViewList  `cmd:"" help:"Every view: how far it is, who folds it, and whether it can."`
	Pause  ViewState `cmd:"" help:"Stop folding a view until it is resumed, whatever is rebuilt meanwhile; reads go on."`
	Resume ViewState `cmd:"" help:"Go on folding a view."`

	Jobs     ViewJobs     `cmd:"" help:"The latest rebuild and verification of each view, and how far they are."`
	Rebuild  ViewRebuild  `cmd:"" help:"Build a view anew beside the one that is read, compare them, and change over."`
	Cancel   ViewCancel   `cmd:"" help:"Give up a running rebuild or verification; what is read stays."`
	Approve  ViewApprove  `cmd:"" help:"Let a rebuild change over that is held."`
	Rollback ViewRollback `cmd:"" help:"Read the previous build of a view again."`
	Parked   ViewParked   `cmd:"" help:"What views hold back, since an event could not be folded."`
	Retry    ViewRetry    `cmd:"" help:"Fold again what a view holds back. Fails where something still cannot be folded, and where the view is paused or nobody folds it: then it is done once somebody does."`
	Verify   ViewVerify   `cmd:"" help:"Fold the log one event at a time and compare every row and sum of a view. Fails where something differs."`
}

// ViewList prints how the views stand.
type ViewList struct {
	JSON bool `name:"json" help:"One JSON object a line, with every build of the view."`
}

// Run prints one line a view. It takes a moment: a rate is told from two looks.
func (l *ViewList) Run(ctx context.Context, a *App, out *output) error {
	return onViews(ctx, a, func(p pool) error {
		list, _, err := projector.NewObserver(p, projections.Views()).Look(ctx)
		if err != nil {
			return err
		}
		if l.JSON {
			return encodeLines(out, list)
		}
		return showViews(out, list)
	})
}

func showViews(out *output, list []projector.Status) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VIEW\tREAD\tPOSITION\tBEHIND\tSECONDS\tOLDEST\tRATE\tSTATE\tPARKED\tOWNERS\tBUILDS\tERROR")
	for _, v := range list {
		fmt.Fprintf(w, "%s\tv%d b%d\t%d\t%d\t%.1f s\t%.1f s\t%.0f/s\t%s\t%d\t%s\t%s\t%s\n",
			v.View, v.Version, v.Build, v.Position, v.Lag, v.Trail, v.Oldest, v.Rate, v.State, v.Parked,
			dash(strings.Join(v.Owners, " ")), dash(builds(v.Builds)), dash(v.Error))
	}
	return w.Flush()
}

// builds names the builds of a view, with how many shards they have and whether they
// are read (*) or kept as the way back (-).
func builds(list []projector.BuildStatus) string {
	var names []string
	for _, b := range list {
		mark := map[bool]string{true: "*"}[b.Serving] + map[bool]string{true: "-"}[b.Previous]
		names = append(names, fmt.Sprintf("v%d.%d%s/%d", b.Version, b.Build, mark, b.Shards))
	}
	return strings.Join(names, " ")
}

func dash(s string) string { return cmp.Or(s, "-") }

func text(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

// ViewState sets whether a view is folded.
type ViewState struct {
	Name viewName `arg:"" help:"Name of the view."`
	JSON bool     `name:"json" help:"The view and its state as one JSON object."`
}

// Run writes the state that the subcommand names; the view's owner heeds it
// within a second. Resuming also tries a failed fold again.
func (s *ViewState) Run(ctx context.Context, k *kong.Context, a *App, out *output) error {
	return onView(ctx, a, s.Name, false, func(p pool, v *projections.View) error {
		steer, state := rebuild.Resume, "live"
		if k.Selected().Name == "pause" {
			steer, state = rebuild.Pause, "paused"
		}
		if err := steer(ctx, p, v); err != nil {
			return err
		}
		return say(out, s.JSON, map[string]string{"view": v.Name, "state": state}, "%s is %s.", v.Name, state)
	})
}
