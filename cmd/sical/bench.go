package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"sical-backend/internal/auth"
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
	at := &loaded{url: b.URL}
	if b.URL == "" {
		run, err := embedded.ReadRun(a.DataDir)
		if err != nil {
			return err
		}
		at = &loaded{url: run.PublicURL, adminURL: run.AdminURL, pid: run.PID}
	}
	if err := b.allowed(ctx, at.url); err != nil {
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
	a.logger.Warn("adding users and goals, which stay", "users", b.Connections, "goals", b.Connections*goalsEach, "url", at.url)
	people, err := gather(ctx, at.url, signer, b.Connections)
	if err != nil {
		return err
	}
	r, err := b.measure(ctx, people, at, a.logger)
	if err != nil {
		return err
	}
	return b.tell(r, out)
}

// measure plays everything that was asked for.
func (b *Bench) measure(ctx context.Context, people *crowd, at *loaded, logger *slog.Logger) (r *report, err error) {
	r = b.newReport()
	if !b.Visible {
		if r.Parts, err = b.parts(ctx, people, at, logger); err != nil {
			return nil, err
		}
		r.Targets = judge(r.Parts, b.Connections)
	}
	if r.Visible, err = b.visible(ctx, people, logger); err != nil {
		return nil, err
	}
	if b.Highest && !b.Visible {
		highest, err := b.climb(ctx, people, at, logger)
		if err != nil {
			return nil, err
		}
		r.Highest = &highest
	}
	return r, nil
}

// tell prints the report, saves it, and fails where a target was missed.
func (b *Bench) tell(r *report, out *output) error {
	print := r.print
	if b.JSON {
		print = r.encode
	}
	if err := print(out); err != nil {
		return err
	}
	var err error
	if b.Report != "" {
		err = r.save(b.Report)
	}
	missed := 0
	for _, v := range r.Targets {
		if v.Met != nil && !*v.Met {
			missed++
		}
	}
	if missed > 0 {
		err = errors.Join(err, fmt.Errorf("%d of the targets missed", missed))
	}
	return err
}

// reportable fails where the report could not be written in the end. What the file holds
// stays until then.
func (b *Bench) reportable() error {
	if b.Report == "" {
		return nil
	}
	file, err := os.OpenFile(b.Report, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return file.Close()
}

// allowed refuses to load a system that is in use. Positions count events.
func (b *Bench) allowed(ctx context.Context, url string) error {
	conn, err := loadtest.Dial(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close()
	var a loadtest.Answer
	err = whileBehind(ctx, func() (err error) { // it may have just been started
		a, err = conn.Do(ctx, loadtest.Request{Method: http.MethodGet, Path: "/v1/statistics"})
		return err
	})
	if err != nil {
		return err
	}
	position, err := strconv.ParseInt(a.Header.Get("Sical-Position"), 10, 64)
	if err == nil && position > inUse && !b.Yes {
		err = fmt.Errorf("this log has %d events already, and what is added stays: say --yes to load it all the same", position)
	}
	return err
}

// parts plays the part with a fixed rate, which is the last, by itself to begin with: what
// the fastest ones leave in memory is none of its. It returns the medians of all.
func (b *Bench) parts(ctx context.Context, people *crowd, at *loaded, logger *slog.Logger) ([]sample, error) {
	all := parts(people, b.Rate)
	last := len(all) - 1
	fixed, err := b.play(ctx, people, at, all[last:], logger)
	if err != nil {
		return nil, err
	}
	fastest, err := b.play(ctx, people, at, all[:last], logger)
	return append(fastest, fixed...), err
}

// play plays parts in turn, round by round, so that a slow minute of the machine falls on
// all of them.
func (b *Bench) play(ctx context.Context, people *crowd, at *loaded, list []part, logger *slog.Logger) (medians []sample, err error) {
	rounds := make([][]sample, len(list))
	for round := range b.Rounds {
		for i, p := range list {
			s, err := at.measure(ctx, people, p, b.Connections, time.Duration(b.Seconds)*time.Second)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			rounds[i] = append(rounds[i], s)
		}
		logger.Info("measured", "parts", len(list), "round", round+1, "of", b.Rounds)
	}
	for _, samples := range rounds {
		medians = append(medians, median(samples))
	}
	return medians, nil
}
