package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/alecthomas/kong"
)

// Role is one role alone, on a Postgres and a NATS that others run.
type Role struct{}

// Run does the work of the role that the subcommand names.
func (r *Role) Run(ctx context.Context, k *kong.Context, a *App, out *output) error {
	if a.PostgresURL == "" || a.NATSURL == "" {
		return usageError{errors.New("a role alone needs --postgres-url and --nats-url; sical serve brings its own")}
	}
	return a.run(ctx, func() error { return a.role(ctx, k.Selected().Name, out) })
}

// role starts one role and says where it is.
func (a *App) role(ctx context.Context, name string, out *output) error {
	if err := a.trace(ctx, name); err != nil {
		return err
	}
	if err := a.join(ctx); err != nil {
		return err
	}
	start := map[string]func(context.Context) error{
		"command": a.startCommand, "query": a.startQuery, "projector": a.startProjecting,
	}[name]
	if err := start(ctx); err != nil {
		return err
	}
	if name != "query" { // it may not ask NATS about the stream
		if err := a.startMonitor(ctx); err != nil {
			return err
		}
	}
	if err := a.open(); err != nil {
		return err
	}
	fmt.Fprintf(out, "sical %s: admin %s", name, a.adminURL)
	if a.publicURL != "" {
		fmt.Fprintf(out, ", API %s", a.publicURL)
	}
	fmt.Fprintln(out)
	return nil
}
