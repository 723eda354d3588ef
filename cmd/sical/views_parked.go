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

// ownerless is how long a retry waits for a view that nobody folds: longer than another projector
// takes to notice that its owner is gone.
const ownerless = 5 * time.Second

// Run asks for a retry, which the view's owner does, and shows what still fails. That of a
// view that is paused, or that nobody folds, stays asked for: nobody tells when that ends.
func (r *ViewRetry) Run(ctx context.Context, a *App, out *output) error {
	return onView(ctx, a, r.Name, true, func(p pool, v *projections.View) error {
		if err := projector.Retry(ctx, p, v, r.Key); err != nil {
			return err
		}
		begun := time.Now()
		for pause.For(ctx, 100*time.Millisecond) {
			list, err := r.left(ctx, p, v)
			if err != nil {
				return err
			}
			waits := asked(list)
			if waits != nil && !waits.Paused && (waits.Owned || time.Since(begun) < ownerless) {
				continue
			}
			return r.tell(out, v, list)
		}
		return ctx.Err()
	})
}

// left is what is still parked of what a retry was asked for.
func (r *ViewRetry) left(ctx context.Context, p pool, v *projections.View) ([]projector.Park, error) {
	list, err := projector.Parked(ctx, p, v.Name)
	return slices.DeleteFunc(list, func(k projector.Park) bool {
		return k.Version != v.Version || r.Key != "" && k.Key != r.Key
	}), err
}

// asked is the one of the list that is still to be tried again, one of those first that may be
// soon; nil for none.
func asked(list []projector.Park) (first *projector.Park) {
	for i, k := range list {
		if k.Retry && (first == nil || !k.Paused && k.Owned) {
			first = &list[i]
		}
	}
	return first
}

// tell shows what is still parked, and fails with why.
func (r *ViewRetry) tell(out *output, v *projections.View, list []projector.Park) error {
	if len(list) == 0 {
		if r.JSON {
			return nil
		}
		_, err := fmt.Fprintln(out, "Nothing of it is parked any more.")
		return err
	}
	if err := showParked(out, list, r.JSON); err != nil {
		return err
	}
	switch waits := asked(list); {
	case waits == nil:
		return fmt.Errorf("%d still cannot be folded", len(list))
	case waits.Paused:
		return fmt.Errorf("%[1]s is paused: `sical projections resume %[1]s` has it folded, and this tried again", v.Name)
	}
	return fmt.Errorf("nobody folds %s just now: this is tried again once a projector does", v.Name)
}
