package main

import (
	"log/slog"
	"time"
)

// Watching is what a process tells of itself, and how.
type Watching struct {
	LogLevel        slog.Level    `help:"debug, info, warn or error." default:"info"`
	LogFormat       string        `help:"text or json." default:"text" enum:"text,json"`
	SlowQuery       time.Duration `help:"Statements of the database that take longer are logged, by name. 0 for none." default:"100ms"`
	Categories      []string      `help:"Categories of goals that metrics tell apart; all others are other." default:"mathematics,computing,language,science,music,history,business,art"`
	MonitorInterval time.Duration `help:"Between looks at how far everything is and how much there is. One process at a time looks." default:"5s"`
}
