package main

import (
	"context"
	"log/slog"
	"time"

	"sical-backend/internal/profile"
)

// Watching is what a process tells of itself, and how.
type Watching struct {
	LogLevel        slog.Level    `help:"debug, info, warn or error." default:"info"`
	LogFormat       string        `help:"text or json." default:"text" enum:"text,json"`
	SlowQuery       time.Duration `help:"Statements of the database that take longer are logged, by name. 0 for none." default:"100ms"`
	Categories      []string      `help:"Categories of goals that metrics tell apart; all others are other." default:"mathematics,programming,language,science,music,history,business,art"`
	MonitorInterval time.Duration `help:"Between looks at how far everything is and how much there is. One process at a time looks." default:"5s"`
	ProfileDir      string        `help:"Folder that CPU and heap profiles are put into every so often. Empty for none." type:"path"`
	ProfileEvery    time.Duration `help:"Between two profiles of each kind." default:"10m"`
	ProfileKeep     int           `help:"Profiles of each kind that are kept." default:"144"`
	MutexProfile    int           `help:"One of so many waits for a mutex is recorded for /debug/pprof/mutex. 0 for none." default:"0"`
	BlockProfile    int           `help:"One blocking of so many nanoseconds is recorded for /debug/pprof/block. 0 for none; 1 costs too much to be left on." default:"0"`
}

// profiles starts what is wanted of them.
func (a *App) profiles() {
	profile.SetRates(a.MutexProfile, a.BlockProfile)
	if a.ProfileDir == "" {
		return
	}
	a.work("profiles", func(ctx context.Context) error {
		return profile.Run(ctx, profile.Config{
			Folder: a.ProfileDir, Every: a.ProfileEvery, CPU: min(10*time.Second, a.ProfileEvery/4), Keep: a.ProfileKeep, Logger: a.logger,
		})
	})
}
