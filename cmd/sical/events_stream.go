package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"sical-backend/internal/admin"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/reconcile"
	"sical-backend/internal/relay"
	"sical-backend/internal/telemetry"
)

// relayRest is how long the relay rests where the views of the process are handed
// what is appended, so that only others wait for the bus.
const relayRest = 200 * time.Millisecond

// relayConfig is what every relay of this process works with. What the stream keeps is said
// by the flags of who serves: a tool may be started without them, beside a system that has others.
func (a *App) relayConfig(log eventlog.Reader) relay.Config {
	var rest time.Duration
	if a.handover != nil {
		rest = relayRest
	}
	return relay.Config{
		Log: log, NATS: a.nats.Conn, Ring: a.ring, Logger: a.logger, Meter: telemetry.NewRelay(a.registry), Tracer: a.tracer,
		MaxBytes: a.StreamMaxBytes, MaxAge: a.StreamMaxAge, Replicas: a.StreamReplicas, Guest: !a.serving, Rest: rest,
	}
}

// newReconciler makes what holds the stream against the log.
func (a *App) newReconciler(log eventlog.Reader) (*reconcile.Reconciler, error) {
	r, err := relay.New(a.relayConfig(log))
	if err != nil {
		return nil, err
	}
	return reconcile.New(reconcile.Config{
		Log: log, NATS: a.nats.Conn, Logger: a.logger, Meter: telemetry.NewReconcile(a.registry), Relay: r,
	})
}

// startReconciler compares log and stream every so often, and on demand.
func (a *App) startReconciler(log eventlog.Reader) error {
	r, err := a.newReconciler(log)
	if err != nil {
		return err
	}
	a.operate = append(a.operate, func(e *echo.Echo) { admin.RegisterEvents(e, log, r) })
	if a.ReconcileEvery > 0 {
		a.work("reconcile", func(ctx context.Context) error { return r.Run(ctx, a.ReconcileEvery) })
	}
	return nil
}

// ReconcileEvents holds the stream against the log.
type ReconcileEvents struct {
	From  uint64 `help:"First position; by default the first that the stream retains."`
	To    uint64 `help:"Last position; by default the last that both have."`
	Check bool   `help:"Only compare: leave the stream as it is, and fail where it differs."`
	JSON  bool   `name:"json" help:"The report as one JSON object."`
}

// Validate refuses a range that is none, before anything is started.
func (r *ReconcileEvents) Validate() error {
	if r.To > 0 && r.From > r.To {
		return fmt.Errorf("--from: %d is behind --to, %d", r.From, r.To)
	}
	return nil
}

// Run prints what was compared and found. Status 0 says that log and stream are
// equal now.
func (r *ReconcileEvents) Run(ctx context.Context, a *App, out *output) error {
	log, err := a.openLog(ctx)
	if err != nil {
		return err
	}
	reconciler, err := a.newReconciler(log)
	if err != nil {
		return err
	}
	bar := progress("compared", -1)
	report, err := reconciler.Reconcile(ctx, reconcile.Request{
		From: r.From, To: r.To, Check: r.Check,
		Progress: func(done, all uint64) {
			bar.ChangeMax64(int64(all))
			_ = bar.Set64(int64(done))
		},
	})
	_ = bar.Clear()
	if err != nil {
		return err
	}
	if r.JSON {
		err = json.NewEncoder(out).Encode(report)
	} else {
		printReconciled(out, report)
	}
	if err == nil && report.Found() > 0 && !report.Repaired {
		err = fmt.Errorf("log and stream differ at %d positions", report.Found())
	}
	return err
}

// openLog reaches the log, of the running process or of one's own.
func (a *App) openLog(ctx context.Context) (eventlog.Reader, error) {
	if err := a.joinOrRevive(ctx); err != nil {
		return eventlog.Reader{}, err
	}
	p, err := a.pool(ctx, postgres.RoleRelay, 2, nil)
	return eventlog.NewReader(p), err
}

func printReconciled(out *output, r reconcile.Report) {
	fmt.Fprintf(out, "%d positions compared in %.1f s, %d to %d; the log ends at %d, the stream has %d to %d.\n",
		r.Compared, r.Seconds, r.From, r.To, r.Head, r.StreamFirst, r.StreamLast)
	if r.Found() == 0 {
		fmt.Fprintln(out, "They are equal.")
		return
	}
	fmt.Fprintf(out, "%d missing, %d foreign, %d different, %d reordered:\n", r.Missing, r.Foreign, r.Different, r.Reordered)
	for _, d := range r.Differences {
		fmt.Fprintf(out, "  %d %s", d.Position, d.Kind)
		if d.Belongs > 0 {
			fmt.Fprintf(out, ", belongs at %d", d.Belongs)
		}
		fmt.Fprintln(out)
	}
	if r.Repaired {
		fmt.Fprintln(out, "The stream was made anew and holds the log again.")
	}
}

// ReplayEvents sends a range of the log again, to somebody outside.
type ReplayEvents struct {
	From    uint64 `help:"First position." required:""`
	To      uint64 `help:"Last position; by default the log's head."`
	Subject string `help:"NATS subject to send on: none of this system's own." required:""`
}

// Validate refuses a range that is none, and a subject of this system's own, before
// anything is started.
func (r *ReplayEvents) Validate() error {
	if r.From == 0 {
		return errors.New("--from: the first position is 1")
	}
	if r.To > 0 && r.From > r.To {
		return fmt.Errorf("--from: %d is behind --to, %d", r.From, r.To)
	}
	if err := relay.CheckSubject(r.Subject); err != nil {
		return fmt.Errorf("--subject: %w", err)
	}
	return nil
}

// Run sends, with a bar on a terminal.
func (r *ReplayEvents) Run(ctx context.Context, a *App, out *output) error {
	log, err := a.openLog(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	bar := progress("sent", -1)
	sent, err := relay.Replay{
		Log: log, NATS: a.nats.Conn, From: r.From, To: r.To, Subject: r.Subject,
		Progress: func(sent, all uint64) {
			bar.ChangeMax64(int64(all))
			_ = bar.Set64(int64(sent))
		},
	}.Send(ctx)
	_ = bar.Clear()
	if err != nil {
		return fmt.Errorf("after %d events: %w", sent, err)
	}
	fmt.Fprintf(out, "%d events from %d to %d sent on %s in %.1f s.\n", sent, r.From, r.From+sent-1, r.Subject, time.Since(began).Seconds())
	return nil
}
