package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"sical-backend/internal/rebuild"
	"sical-backend/projections"
)

// ViewVerify holds a view against the log.
type ViewVerify struct {
	Name   viewName `arg:"" help:"Name of the view."`
	Sample int      `help:"About how many rows to look at, chosen at random; 0 for all, and the sums."`
	JSON   bool     `name:"json" help:"The outcome as one JSON object."`
}

// Validate refuses less than no rows.
func (r *ViewVerify) Validate() error {
	if r.Sample < 0 {
		return errors.New("--sample: less than 0 makes no sense")
	}
	return nil
}

// Run compares, in this process, and fails where something differs.
func (r *ViewVerify) Run(ctx context.Context, a *App, out *output) error {
	return onView(ctx, a, r.Name, false, func(p pool, v *projections.View) error {
		b, err := rebuild.Serving(ctx, p, v)
		if err != nil {
			return err
		}
		show, clear := showShare("verify " + v.Name)
		outcome, err := rebuild.Verify(ctx, rebuild.VerifyConfig{
			Pool: p, View: v, Build: b, Sample: r.Sample, Progress: show,
		})
		clear()
		if err != nil {
			return err
		}
		found, err := json.Marshal(outcome)
		if err != nil {
			return err
		}
		if r.JSON {
			fmt.Fprintf(out, "%s\n", found)
		} else {
			tell(out, found)
			fmt.Fprintf(out, "%s at %d: %d rows and %d sums compared, %d differences\n", v.Name, outcome.Position, outcome.Rows, outcome.Totals, outcome.Differences)
		}
		if !outcome.Equal() {
			return fmt.Errorf("%s is not what its log says", v.Name)
		}
		return nil
	})
}

// showShare shows how much of something is done, from 0 to 1: with a bar on a terminal, which
// clear takes away, elsewhere with a line for each tenth. show may be called at once from
// anywhere.
func showShare(name string) (show func(done float64), clear func()) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return shareLines(name, os.Stderr)
	}
	bar := progress(name, 1000)
	return func(done float64) { _ = bar.Set64(int64(1000 * done)) }, func() { _ = bar.Clear() }
}

func shareLines(name string, out io.Writer) (show func(done float64), clear func()) {
	var mu sync.Mutex
	told := 0
	return func(done float64) {
		mu.Lock()
		defer mu.Unlock()
		if tenths := int(10 * done); tenths > told {
			told = tenths
			fmt.Fprintf(out, "%s: %d %%\n", name, 10*tenths)
		}
	}, func() {}
}
