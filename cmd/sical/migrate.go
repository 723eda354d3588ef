package main

import (
	"context"
	"fmt"
	"log/slog"

	"sical-backend/internal/postgres"
)

// Migrate applies migrations.
type Migrate struct {
	Check bool `help:"Only tell what is pending; fails where something is."`
}

// Run migrates the Postgres given, or the private one of the data folder.
func (m *Migrate) Run(ctx context.Context, c *Config, out *output, logger *slog.Logger) error {
	if c.PostgresURL == "" {
		// Standing up the private Postgres migrates it; a running one was.
		a := newApp(*c, logger)
		defer a.Close()
		if err := a.joinOrStart(ctx); err != nil {
			return err
		}
		fmt.Fprintln(out, "The schema is up to date.")
		return nil
	}
	if m.Check {
		pending, err := postgres.Pending(ctx, c.PostgresURL)
		if err != nil {
			return err
		}
		for _, name := range pending {
			fmt.Fprintln(out, "pending:", name)
		}
		if len(pending) > 0 {
			return fmt.Errorf("%d migrations are pending", len(pending))
		}
		fmt.Fprintln(out, "The schema is up to date.")
		return nil
	}
	applied, err := postgres.Migrate(ctx, c.PostgresURL)
	for _, name := range applied {
		fmt.Fprintln(out, "applied:", name)
	}
	if err == nil && len(applied) == 0 {
		fmt.Fprintln(out, "The schema is up to date.")
	}
	return err
}
