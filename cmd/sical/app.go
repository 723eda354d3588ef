package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"sical-backend/events"
	"sical-backend/internal/auth"
	"sical-backend/internal/bus"
	"sical-backend/internal/embedded"
	"sical-backend/internal/heap"
	"sical-backend/internal/projector"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/tracing"
	"sical-backend/internal/vault"
	"sical-backend/internal/web"
)

// App is a running process: what it opened, in the order in which it will be
// closed again, the last first. Every subcommand wires itself on the one that main
// closes behind it, and so do the tests.
type App struct {
	Config
	logger   *slog.Logger
	registry *prometheus.Registry
	database *telemetry.Database // nil leaves statements unwatched
	pools    *telemetry.Pools
	requests *telemetry.HTTP
	tracer   *tracing.Tracer // nil for none

	instance *embedded.Instance // nil where nothing private was started
	urls     map[string]string  // Postgres URL of each role
	nats     *bus.Link
	natsURL  string

	serving     bool                // it is the command role, alone or with others, and no tool
	decider     *decider            // nil until the process decides
	handover    *projector.Handover // from its decider to its projector; nil unless the process is to have both
	public      *echo.Echo
	protect     func(*echo.Echo) error // puts the chain of every public request in front
	publicURL   string
	adminURL    string
	revocations *auth.Revocations
	verifier    *auth.Verifier
	checks      []check            // what /ready asks
	beginnings  []check            // what it asks until it has said yes once
	operate     []func(*echo.Echo) // what the roles add to the admin listener
	hashing     auth.Cost          // of passwords
	tidied      time.Duration      // how often what has expired is deleted
	forsaken    time.Duration      // after which a view that nobody brings on is not waited for

	started  atomic.Bool            // has been ready once
	unready  atomic.Pointer[string] // why it was not when last asked
	asking   singleflight.Group     // about being ready
	draining atomic.Bool            // told to end: nothing new should come here
	drained  time.Time              // when requests are waited for no longer, once the process closes
	ending   []func()               // what has to end before requests can be waited for
	closers  []func()
	failed   chan error // the first part that ended by itself
}

func newApp(c Config, logger *slog.Logger) *App {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	registry := telemetry.NewRegistry(build.Main.Version, commit(build))
	a := &App{
		Config: c, logger: logger, registry: registry, failed: make(chan error, 1),
		hashing: auth.Advised, tidied: time.Hour, forsaken: 10 * time.Second,
		database: telemetry.NewDatabase(registry), pools: telemetry.NewPools(registry),
		requests: telemetry.NewHTTP(registry),
	}
	a.protect = a.protectPublic
	return a
}

// onClose has f called by Close, before what was opened earlier.
func (a *App) onClose(f func()) { a.closers = append(a.closers, f) }

// Close ends everything, the last opened first. Requests, of whatever listener, may take
// drain from now.
func (a *App) Close() {
	a.drained = time.Now().Add(drain)
	for _, f := range slices.Backward(a.closers) {
		f()
	}
	a.closers = nil
}

// work runs a part until Close; one that ends with an error ends the process.
func (a *App) work(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			a.fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
	a.onClose(func() {
		cancel()
		<-done
	})
}

func (a *App) fail(err error) {
	select {
	case a.failed <- err:
	default:
	}
}

// run starts what is to serve, and waits. To end when told to is what it is for, also while
// it starts.
func (a *App) run(ctx context.Context, start func() error) error {
	a.profiles()
	err := start()
	switch {
	case err == nil:
		return a.wait(ctx)
	case ctx.Err() != nil:
		a.logger.Info("told to end while starting", "error", err)
		return nil
	}
	return err
}

// wait blocks until the process is told to end, or a part of it fails.
func (a *App) wait(ctx context.Context) error {
	a.work("memory", heap.GiveBack)
	var postgres <-chan error
	if a.instance != nil {
		postgres = a.instance.Failed()
	}
	select {
	case <-ctx.Done():
		a.drain()
		return nil
	case err := <-a.failed:
		return err
	case err := <-postgres:
		return err
	}
}

// trace sends traces from now on, where the environment asks for it.
func (a *App) trace(ctx context.Context, role string) error {
	tracer, stop, err := tracing.Start(ctx, "sical-"+role, version(), a.logger)
	if err != nil {
		return fmt.Errorf("tracing: %w", err)
	}
	a.tracer = tracer
	a.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := stop(ctx); err != nil {
			a.logger.Warn("the last traces are lost", "error", err)
		}
	})
	return nil
}

// vault opens the vault with the master secret, if it is the database's.
func (a *App) vault(ctx context.Context, pool pool) (*vault.Vault, error) {
	file, secret, err := a.masterSecret(func() (bool, error) { return vault.Begun(ctx, pool) })
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	v, err := vault.New(pool, secret)
	if err != nil {
		return nil, fmt.Errorf("master key %s: %w", file, err)
	}
	v.OnUnopened(func(owner events.ID) {
		a.logger.Error("a key was wrapped by another master key: its owner is as if forgotten", "owner", owner)
	})
	if err := v.Recognize(ctx); err != nil {
		return nil, fmt.Errorf("master key %s: %w", file, err)
	}
	return v, nil
}

// listen serves a handler at an address until the process ends, and returns its URL.
func (a *App) listen(address string, handler http.Handler, name string) (string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("%s listener: %w", name, err)
	}
	server := web.NewServer(a.closing(handler), a.logger)
	server.ConnState = telemetry.Connections(a.registry)
	a.work(name+" listener", func(context.Context) error {
		if err := web.Serve(server, l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	a.onClose(func() {
		ctx, cancel := context.WithDeadline(context.Background(), a.drained)
		defer cancel()
		for _, f := range a.ending {
			f()
		}
		if err := server.Shutdown(ctx); err != nil {
			a.logger.Warn("some requests were cut off", "listener", name, "error", err)
			_ = server.Close()
		}
	})
	return reach(l.Addr().String()), nil
}

// drain is how long requests may take to finish when the process ends.
const drain = 15 * time.Second
