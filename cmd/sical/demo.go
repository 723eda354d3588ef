package main

import (
	"context"
	"log/slog"
)

// Demo loads the demo data.
type Demo struct{}

// Run loads it.
func (*Demo) Run(ctx context.Context, c *Config, out *output, logger *slog.Logger) error { return nil }

func loadDemo(ctx context.Context, a *App, out *output) error { return nil }
