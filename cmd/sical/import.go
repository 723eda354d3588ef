package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	// progressbar: a bar on terminals with rate and time left; MIT, kept.
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"sical-backend/internal/importer"
	"sical-backend/internal/pause"
	"sical-backend/internal/projector"
)

// Import brings data in.
type Import struct {
	OULAD  ImportOULAD  `cmd:"" name:"oulad" help:"The Open University Learning Analytics files of a folder, plain or .gz."`
	NDJSON ImportNDJSON `cmd:"" name:"ndjson" help:"Commands, one JSON object a line, as in POST /v1/commands."`
}

// importing is one run of an import: where it goes, and what it tells.
type importing struct {
	app     *App
	decider *decider
	out     io.Writer
	counts  importer.Counts
	begun   time.Time
}

// startImport uses the running instance, or one of its own for as long as it
// takes; that one folds the views too, so that they are there when it ends.
func startImport(ctx context.Context, a *App, out *output) (*importing, error) {
	if err := a.joinOrStart(ctx); err != nil {
		return nil, err
	}
	if a.instance != nil {
		a.handover = projector.NewHandover()
		if err := a.startProjector(ctx); err != nil {
			return nil, err
		}
	}
	d, err := a.startDecider(ctx)
	if err != nil {
		return nil, err
	}
	return &importing{app: a, decider: d, out: out, begun: time.Now()}, nil
}

// stage carries out one sequence of at most so many commands, and reports its
// rate.
func (i *importing) stage(ctx context.Context, name string, most int, items iter.Seq2[importer.Item, error]) error {
	var counts importer.Counts
	begun := time.Now()
	bar := progress(name, most)
	shown, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause.For(shown, 200*time.Millisecond) {
			_ = bar.Set64(counts.All())
		}
	}()
	err := importer.Run(ctx, i.decider.Dispatcher, items, &counts)
	cancel()
	<-done
	_ = bar.Clear()
	took := time.Since(begun)
	fmt.Fprintf(i.out, "%-12s %9d done  %9d known  %6d refused  %8.1f s  %7.0f/s\n",
		name, counts.Done.Load(), counts.Known.Load(), counts.Refused.Load(), took.Seconds(), float64(counts.All())/took.Seconds())
	i.counts.Done.Add(counts.Done.Load())
	i.counts.Known.Add(counts.Known.Load())
	i.counts.Refused.Add(counts.Refused.Load())
	return err
}

// finish prints the sum of all stages, and waits for the views.
func (i *importing) finish(ctx context.Context) error {
	took := time.Since(i.begun)
	fmt.Fprintf(i.out, "%-12s %9d done  %9d known  %6d refused  %8.1f s  %7.0f/s\n",
		"all", i.counts.Done.Load(), i.counts.Known.Load(), i.counts.Refused.Load(), took.Seconds(), float64(i.counts.All())/took.Seconds())
	begun := time.Now()
	all, err := i.catchUp(ctx)
	if all {
		fmt.Fprintf(i.out, "views caught up %.1f s after the last append\n", time.Since(begun).Seconds())
	}
	return err
}

// progress is a bar on a terminal, and nothing elsewhere. Only what it is told draws it:
// the spinner of a bar without an end reads it outside its lock (progressbar 3.19), and
// goes on for ever.
func progress(name string, most int) *progressbar.ProgressBar {
	out := io.Discard
	if term.IsTerminal(int(os.Stderr.Fd())) {
		out = os.Stderr
	}
	return progressbar.NewOptions64(int64(most), progressbar.OptionSetDescription(name), progressbar.OptionSetWriter(out),
		progressbar.OptionSetSpinnerChangeInterval(0), progressbar.OptionThrottle(65*time.Millisecond),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
}
