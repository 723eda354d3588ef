// Package profile takes profiles of its own process while it runs: on demand over
// HTTP, and every so often into a folder, so that what happened at night can be looked
// at in the morning.
package profile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"sical-backend/internal/pause"
)

// Config says what is profiled. Mutex and Block are what the runtime's functions of the
// same names take: 0 leaves them off, and 1 for Block costs too much to be left on.
type Config struct {
	Folder string        // where profiles are put; empty for none
	Every  time.Duration // between two of each kind
	CPU    time.Duration // how long the processor is watched each time; less than Every
	Keep   int           // files of each kind; the oldest are deleted
	Logger *slog.Logger
}

// SetRates sets of how many events of waiting for a mutex one is recorded, and for how
// many nanoseconds of blocking one event is; 0 for none of either.
func SetRates(mutex, block int) {
	runtime.SetMutexProfileFraction(mutex)
	runtime.SetBlockProfileRate(block)
}

// Run takes profiles until ctx ends. A profile that fails is told and left out.
func Run(ctx context.Context, c Config) error {
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	for {
		if err := c.take(ctx); err != nil && ctx.Err() == nil {
			c.Logger.Warn("profile not taken", "error", err)
		}
		if !pause.For(ctx, c.Every-c.CPU) {
			return nil
		}
	}
}

// take takes one of each.
func (c Config) take(ctx context.Context) error {
	now := time.Now().UTC().Format("20060102T150405.000Z")
	var heap, cpu bytes.Buffer
	err := pprof.Lookup("heap").WriteTo(&heap, 0)
	if err == nil {
		err = c.keep("heap", now, heap.Bytes())
	}
	// It fails while somebody profiles the processor over HTTP.
	if failed := pprof.StartCPUProfile(&cpu); failed != nil {
		return errors.Join(err, failed)
	}
	pause.For(ctx, c.CPU)
	pprof.StopCPUProfile()
	return errors.Join(err, c.keep("cpu", now, cpu.Bytes()))
}

// keep writes a profile and deletes the oldest of its kind. It is not there under its
// name before it is whole.
func (c Config) keep(kind, now string, content []byte) error {
	name := filepath.Join(c.Folder, kind+"-"+now+".pprof")
	if err := os.WriteFile(name+".part", content, 0o600); err != nil {
		return errors.Join(err, os.Remove(name+".part"))
	}
	if err := os.Rename(name+".part", name); err != nil {
		return err
	}
	entries, err := os.ReadDir(c.Folder)
	if err != nil {
		return err
	}
	var mine []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), kind+"-") && strings.HasSuffix(e.Name(), ".pprof") {
			mine = append(mine, e.Name())
		}
	}
	slices.Sort(mine) // by time
	for _, old := range mine[:max(len(mine)-c.Keep, 0)] {
		err = errors.Join(err, os.Remove(filepath.Join(c.Folder, old)))
	}
	return err
}
