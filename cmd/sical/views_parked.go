package main

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"sical-backend/internal/pause"
	"sical-backend/internal/projector"
	"sical-backend/projections"
)

// ViewParked lists what is parked.
type ViewParked struct {
	Name viewName `arg:"" optional:"" help:"Name of the view; none for all."`
	JSON bool     `name:"json" help:"One JSON object a line."`
}

// Run prints one line a key.
func (l *ViewParked) Run(ctx context.Context, a *App, out *output) error {
	return onViews(ctx, a, func(p pool) error {
		list, err := projector.Parked(ctx, p, string(l.Name))
		if err != nil {
			return err
		}
		return showParked(out, list, l.JSON)
	})
}

func showParked(out *output, list []projector.Park, lines bool) error {
	if lines {
		return encodeLines(out, list)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VIEW\tVERSION\tBUILD\tKEY\tFROM\tEVENT\tTRIES\tSINCE\tERROR")
	for _, k := range list {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%d\t%s\t%d\t%s\t%s\n",
			k.View, k.Version, k.Build, k.Key, k.Position, k.Type, k.Attempts, k.ParkedAt.Format(time.RFC3339), k.Error)
	}
	return w.Flush()
}

// ViewRetry tries again what is parked.
type ViewRetry struct {
	Name viewName `arg:"" help:"Name of the view."`
	Key  string   `arg:"" optional:"" help:"The key, or the stream, as parked lists it; none for all."`
	JSON bool     `name:"json" help:"What is still parked as one JSON object a line."`
}

// Run asks for a retry, which the view's owner does, and shows what still fails. That of a
// view that is paused stays asked for: nobody tells when it is resumed.
func (r *ViewRetry) Run(ctx context.Context, a *App, out *output) error {
	return onView(ctx, a, r.Name, true, func(p pool, v *projections.View) error {
		if err := projector.Retry(ctx, p, v, r.Key); err != nil {
			return err
		}
		for pause.For(ctx, 100*time.Millisecond) {
			list, err := projector.Parked(ctx, p, v.Name)
			if err != nil {
				return err
			}
			list = slices.DeleteFunc(list, func(k projector.Park) bool {
				return k.Version != v.Version || r.Key != "" && k.Key != r.Key
			})
			switch {
			case slices.ContainsFunc(list, func(k projector.Park) bool { return k.Retry && !k.Paused }):
				continue
			case len(list) == 0:
				if !r.JSON {
					fmt.Fprintln(out, "Nothing of it is parked any more.")
				}
				return nil
			}
			if err := showParked(out, list, r.JSON); err != nil {
				return err
			}
			if slices.ContainsFunc(list, func(k projector.Park) bool { return k.Retry }) {
				return fmt.Errorf("%[1]s is paused: `sical projections resume %[1]s` has it folded, and this tried again", v.Name)
			}
			return fmt.Errorf("%d still cannot be folded", len(list))
		}
		return ctx.Err()
	})
}
