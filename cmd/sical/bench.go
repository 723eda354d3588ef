package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"sical-backend/internal/auth"
	"sical-backend/internal/bench/load"
	"sical-backend/internal/embedded"
	"sical-backend/internal/loadtest"
)

// Bench loads a running system and prints the seven targets the design began with
// beside what was measured. It makes users and goals, which stay.
type Bench struct {
	URL         string `help:"Address to load, on this machine, instead of that of the process in the data folder. The data folder, or --signing-keys, must hold its keys; its memory and processor time are not measured then."`
	Connections int    `help:"Connections, each of a user of its own." default:"1000"`
	Rate        int    `help:"Requests a second of the part with a fixed rate." default:"1000"`
	Seconds     int    `help:"Length of each part." default:"3"`
	Rounds      int    `help:"How often each part is played; medians are told." default:"5"`
	Visible     bool   `help:"Measure only how long a command takes to be seen, at 200/s and 1,000/s."`
	Highest     bool   `help:"Look for the highest rate at which the targets hold, too." default:"true" negatable:""`
	Report      string `help:"File for the whole report: a page with charts where it ends in .html, else JSON." type:"path"`
	Yes         bool   `help:"Load a system that is in use, too: one with more than 10,000 events."`
	JSON        bool   `name:"json" help:"One JSON object."`
}

// inUse is how many events a log has that is no trial any more. Events cannot be
// taken out again, so such a system is loaded only on demand.
const inUse = 10_000

// Validate refuses figures out of bounds, before anybody is registered.
func (b *Bench) Validate() error {
	for _, figure := range []struct {
		flag        string
		value, most int
	}{
		{"connections", b.Connections, loadtest.MaxConnections}, {"rate", b.Rate, loadtest.MaxRate},
		{"seconds", b.Seconds, int(loadtest.MaxDuration.Seconds())}, {"rounds", b.Rounds, 1000},
	} {
		if figure.value < 1 || figure.value > figure.most {
			return fmt.Errorf("--%s: 1 to %d are possible", figure.flag, figure.most)
		}
	}
	return nil
}

// Run fails where a target is missed.
func (b *Bench) Run(ctx context.Context, a *App, out *output) error {
	system := load.System{URL: b.URL}
	if b.URL == "" {
		run, err := embedded.ReadRun(a.DataDir)
		if err != nil {
			return err
		}
		system = load.System{URL: run.PublicURL, AdminURL: run.AdminURL, PID: run.PID}
	}
	if err := b.allowed(ctx, system.URL); err != nil {
		return err
	}
	if err := b.reportable(); err != nil {
		return err
	}
	keys, err := a.keyring()
	if err != nil {
		return err
	}
	signer, err := auth.NewSigner(keys, issuer, audience, time.Now)
	if err != nil {
		return err
	}
	plan := load.Plan{
		System: system, Signer: signer, Connections: b.Connections, Rate: b.Rate, Length: time.Duration(b.Seconds) * time.Second,
		Rounds: b.Rounds, OnlyVisible: b.Visible, Highest: b.Highest, Release: version(), Logger: a.logger,
	}
	r, err := plan.Run(ctx)
	if err != nil {
		return err
	}
	return b.tell(r, out)
}

// allowed refuses to load a system that is in use.
func (b *Bench) allowed(ctx context.Context, url string) error {
	events, err := load.Events(ctx, url)
	if err == nil && events > inUse && !b.Yes {
		err = fmt.Errorf("this log has %d events already, and what is added stays: say --yes to load it all the same", events)
	}
	return err
}

// reportable fails where the report could not be written in the end. What the file holds
// stays until then, and none is left behind that was not there.
func (b *Bench) reportable() error {
	if b.Report == "" {
		return nil
	}
	_, missing := os.Lstat(b.Report)
	file, err := os.OpenFile(b.Report, os.O_WRONLY|os.O_CREATE, 0o666)
	if err == nil {
		err = file.Close()
	}
	if err == nil && missing != nil {
		err = os.Remove(b.Report)
	}
	if err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return nil
}

// tell prints the report, saves it, and fails where a target was missed.
func (b *Bench) tell(r *load.Report, out *output) error {
	print := r.Print
	if b.JSON {
		print = r.Encode
	}
	if err := print(out); err != nil {
		return err
	}
	var err error
	if b.Report != "" {
		err = r.Save(b.Report)
	}
	if missed := r.Missed(); missed > 0 {
		err = errors.Join(err, fmt.Errorf("%d of the targets missed", missed))
	}
	return err
}
