package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"sical-backend/internal/embedded"
	"sical-backend/internal/pause"
	"sical-backend/internal/projector"
)

// Serve is every role in one process.
type Serve struct {
	Demo bool `help:"Load the demo data at the first start."`
}

// Run serves until the process is told to end.
func (s *Serve) Run(ctx context.Context, a *App, out *output) error {
	return a.run(ctx, func() error { return s.start(ctx, a, out) })
}

func (s *Serve) start(ctx context.Context, a *App, out *output) error {
	if err := a.trace(ctx, "serve"); err != nil {
		return err
	}
	if err := a.serve(ctx); err != nil {
		return err
	}
	if s.Demo {
		if err := loadDemo(ctx, a, out); err != nil {
			return err
		}
	}
	a.banner(out, a.begin(ctx))
	return nil
}

// beginPatience is how long the banner waits for the views, which in a new data folder
// are there a moment after everything else.
const beginPatience = 2 * time.Second

// begin waits until what the banner offers can be answered, and tells whether it can: a
// view that is built from a long log takes longer than anyone waits for a banner.
func (a *App) begin(ctx context.Context) (begun bool) {
	ctx, cancel := context.WithTimeout(ctx, beginPatience)
	defer cancel()
	needs := a.beginnings
	for len(needs) > 0 {
		switch err := needs[0].ask(ctx); {
		case err == nil:
			needs = needs[1:]
		case !pause.For(ctx, 10*time.Millisecond):
			return false
		}
	}
	return true
}

// serve starts every role and leaves word of itself in the data folder.
func (a *App) serve(ctx context.Context) error {
	if err := a.vacant(); err != nil {
		return err
	}
	if err := a.start(ctx); err != nil {
		return err
	}
	a.handover = projector.NewHandover() // before what hands over and what takes, in whatever order those start
	for _, start := range []func(context.Context) error{a.startProjector, a.startReactions, a.startCommand, a.startQuery, a.startMonitor} {
		if err := start(ctx); err != nil {
			return err
		}
	}
	if err := a.open(); err != nil {
		return err
	}
	err := embedded.WriteRun(a.DataDir, embedded.Run{
		PID: os.Getpid(), Started: time.Now().UTC(), PublicURL: a.publicURL, AdminURL: a.adminURL,
		PostgresURLs: a.urls, NATSURL: a.natsURL,
	})
	if err != nil {
		return err
	}
	a.onClose(func() {
		if err := embedded.RemoveRun(a.DataDir); err != nil {
			a.logger.Warn("run.json stays", "error", err)
		}
	})
	return nil
}

// banner tells whoever started this what there is and what to do first.
func (a *App) banner(out *output, begun bool) {
	wait := ""
	if !begun {
		wait = ", once " + a.adminURL + "/ready says that the views are there"
	}
	source, psql := "the one given", ""
	if p := a.instance.Postgres; p != nil {
		source, psql = p.Source, "\n  look inside      "+inside(p)
	}
	bus := "the one given"
	if a.instance.NATS != nil {
		bus = "embedded"
	}
	fmt.Fprintf(out, `sical serves.
  API              %[1]s
  documentation    %[1]s/docs
  metrics, health  %[2]s/metrics  %[2]s/ready
  Postgres         %[3]s%[4]s
  NATS             %[5]s
  data folder      %[6]s

First steps%[7]s:
  curl -s %[1]s/v1/statistics
  %[8]s token --data-dir %[9]s --username NAME --role admin
`, a.publicURL, a.adminURL, source, psql, bus, a.DataDir, wait, program(), quote(a.DataDir))
}

// inside is what looks inside a private Postgres, for a shell. What is printed may be kept in
// a log that others read: of a password it names the file, which they may not.
func inside(p *embedded.Postgres) string {
	psql := "psql " + quote(p.ShownURL)
	if p.PasswordFile != "" {
		psql = `PGPASSWORD="$(cat ` + quote(p.PasswordFile) + `)" ` + psql
	}
	return psql
}

// program is how whoever started this one starts it again, for a shell.
func program() string {
	if file, err := os.Executable(); err != nil || strings.Contains(file, "go-build") { // go run's
		return "go run ./cmd/sical"
	}
	return quote(os.Args[0])
}
