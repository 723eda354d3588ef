package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
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
	Visible     bool   `help:"Measure instead how long a command takes to be seen, at 200/s and 1,000/s."`
	Yes         bool   `help:"Load a system that is in use, too: one with more than 10,000 events."`
	JSON        bool   `name:"json" help:"One JSON object."`
}

// inUse is how many events a log has that is no trial any more. Events cannot be
// taken out again, so such a system is loaded only on demand.
const inUse = 10_000

// Run fails where a target is missed.
func (b *Bench) Run(ctx context.Context, c *Config, out *output, logger *slog.Logger) error {
	if b.Rounds < 1 || b.Seconds < 1 || b.Rate < 1 {
		return errors.New("--rounds, --seconds and --rate are at least 1")
	}
	at := &loaded{url: b.URL}
	if b.URL == "" {
		run, err := embedded.ReadRun(c.DataDir)
		if err != nil {
			return err
		}
		at = &loaded{url: run.PublicURL, adminURL: run.AdminURL, pid: run.PID}
	}
	keys, err := newApp(*c, logger).keyring()
	if err != nil {
		return err
	}
	signer, err := auth.NewSigner(keys, issuer, audience, time.Now)
	if err != nil {
		return err
	}
	if err := b.allowed(ctx, at.url); err != nil {
		return err
	}
	logger.Warn("adding users and goals, which stay", "users", b.Connections, "goals", b.Connections*goalsEach, "url", at.url)
	people, err := gather(ctx, at.url, signer, b.Connections)
	if err != nil {
		return err
	}
	if b.Visible {
		return b.visible(ctx, people, out, logger)
	}
	return b.targets(ctx, people, at, out, logger)
}

// allowed refuses to load a system that is in use. Positions count events.
func (b *Bench) allowed(ctx context.Context, url string) error {
	conn, err := loadtest.Dial(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close()
	a, err := conn.Do(ctx, loadtest.Request{Method: http.MethodGet, Path: "/v1/statistics"})
	if err != nil {
		return err
	}
	position, err := strconv.ParseInt(a.Header.Get("Sical-Position"), 10, 64)
	if err == nil && position > inUse && !b.Yes {
		err = fmt.Errorf("this log has %d events already, and what is added stays: say --yes to load it all the same", position)
	}
	return err
}

// targets plays all parts in turn, round by round, so that a slow minute of the
// machine falls on all of them.
func (b *Bench) targets(ctx context.Context, people *crowd, at *loaded, out *output, logger *slog.Logger) error {
	rounds := make([][]sample, len(parts(people, b.Rate)))
	for round := range b.Rounds {
		for i, p := range parts(people, b.Rate) {
			s, err := at.measure(ctx, people, p, b.Connections, time.Duration(b.Seconds)*time.Second)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			rounds[i] = append(rounds[i], s)
		}
		logger.Info("measured", "round", round+1, "of", b.Rounds)
	}
	var medians []sample
	for _, samples := range rounds {
		medians = append(medians, median(samples))
	}
	verdicts := judge(medians, b.Connections)
	if err := b.print(out, medians, verdicts); err != nil {
		return err
	}
	missed := 0
	for _, v := range verdicts {
		if v.Met != nil && !*v.Met {
			missed++
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d of the targets missed", missed)
	}
	return nil
}

func (b *Bench) print(out *output, parts []sample, verdicts []verdict) error {
	if b.JSON {
		return b.encode(out, map[string]any{"parts": parts, "targets": verdicts})
	}
	fmt.Fprintf(out, "%d connections, %d rounds of %d s each, medians\n\n", b.Connections, b.Rounds, b.Seconds)
	if err := printParts(out, parts); err != nil {
		return err
	}
	fmt.Fprintln(out)
	return printVerdicts(out, verdicts)
}

// encode prints figures together with what was asked for.
func (b *Bench) encode(out *output, figures map[string]any) error {
	figures["connections"], figures["seconds"], figures["rounds"] = b.Connections, b.Seconds, b.Rounds
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false) // limits are written with < and >
	return encoder.Encode(figures)
}
