package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"sical-backend/internal/postgres"
	"sical-backend/internal/rebuild"
	"sical-backend/projections"
)

// Views looks at the read models and steers their projection.
type Views struct {
	List   ViewList  `cmd:"" help:"Every view: how far it is, who folds it, and whether it can."`
	Pause  ViewState `cmd:"" help:"Stop folding a view; reads go on."`
	Resume ViewState `cmd:"" help:"Go on folding a view."`

	Jobs     ViewJobs     `cmd:"" help:"The latest rebuild and verification of each view, and how far they are."`
	Rebuild  ViewRebuild  `cmd:"" help:"Build a view anew beside the one that is read, compare them, and change over."`
	Cancel   ViewCancel   `cmd:"" help:"Give up a running rebuild; what is read stays."`
	Approve  ViewApprove  `cmd:"" help:"Let a rebuild change over that is held."`
	Rollback ViewRollback `cmd:"" help:"Read the previous build of a view again."`
	Verify   ViewVerify   `cmd:"" help:"Fold the log one event at a time and compare every row and sum of a view. Fails where something differs."`
}

// ViewList prints the registry of views.
type ViewList struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Run prints one line a view.
func (l *ViewList) Run(ctx context.Context, c *Config, out *output, logger *slog.Logger) error {
	a := newApp(*c, logger)
	defer a.Close()
	if err := a.joinOrStart(ctx); err != nil {
		return err
	}
	p, err := a.pool(ctx, postgres.RoleProjector, 2, nil)
	if err != nil {
		return err
	}
	list, err := rebuild.Shards(ctx, p)
	if err != nil {
		return err
	}
	if l.JSON {
		encoder := json.NewEncoder(out)
		for _, v := range list {
			if err := encoder.Encode(v); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VIEW\tVERSION\tBUILD\tSHARD\tPOSITION\tBEHIND\tSTATE\tOWNER\tERROR")
	for _, v := range list {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\n", v.View, v.Version, v.Build, v.Shard, v.Position, v.Behind, v.State, text(v.Owner), text(v.Error))
	}
	return w.Flush()
}

func text(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

// ViewState sets whether a view is folded.
type ViewState struct {
	Name string `arg:"" help:"Name of the view."`
}

// Run writes the state that the subcommand names; the view's owner heeds it
// within a second. Resuming also tries a failed fold again.
func (s *ViewState) Run(ctx context.Context, k *kong.Context, c *Config, out *output, logger *slog.Logger) error {
	v, err := viewNamed(s.Name)
	if err != nil {
		return err
	}
	a := newApp(*c, logger)
	defer a.Close()
	if err := a.joinOrStart(ctx); err != nil {
		return err
	}
	p, err := a.pool(ctx, postgres.RoleProjector, 2, nil)
	if err != nil {
		return err
	}
	if k.Selected().Name == "pause" {
		if err = rebuild.Pause(ctx, p, v); err == nil {
			fmt.Fprintf(out, "%s is paused.\n", v.Name)
		}
		return err
	}
	if err = rebuild.Resume(ctx, p, v); err == nil {
		fmt.Fprintf(out, "%s is live.\n", v.Name)
	}
	return err
}

// viewNamed finds a view of this binary.
func viewNamed(name string) (*projections.View, error) {
	return rebuild.Named(projections.Views(), name)
}
