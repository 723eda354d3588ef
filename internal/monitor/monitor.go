// Package monitor watches the system as a whole, from beside: how many there are, how
// far the relay and each view are behind the log, whoever works on them and also when
// nobody does. Of all processes one does it, the holder of a lock in Postgres; when it
// goes, another takes over.
package monitor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/internal/outage"
	"sical-backend/internal/pause"
	"sical-backend/internal/telemetry"
)

const (
	page     = 200_000         // events counted at a time, at most
	least    = 10_000          // and at least, where a look has no time for more
	timeout  = 5 * time.Second // for a look
	patience = time.Second     // of it, with NATS
	interval = 5 * time.Second // between looks
	lingers  = time.Minute     // how long the server may have the lock of a connection that was closed
)

// View is a version of a view that this binary knows.
type View struct {
	Name    string
	Version int
}

// Config is what a Monitor works with.
type Config struct {
	Pool       *pgxpool.Pool // of the monitor role; one connection is kept by the one who watches
	Stream     func(context.Context) (last uint64, err error)
	Views      []View
	Categories []string      // of goals, that are told apart; all others are "other"
	Interval   time.Duration // between looks; 0 for 5 s
	System     *telemetry.System
	Logger     *slog.Logger
}

// Monitor watches. Run works.
type Monitor struct {
	Config
	last  uint64 // position that the stream was last known to hold
	known bool   // whether it ever was
	page  int    // events counted at a time

	stood   map[string]stand // of each view that is behind, and under relay of the relay
	trouble outage.Log
	failed  time.Time // when nothing was found out last
}

// New makes a monitor; nothing happens until Run.
func New(c Config) *Monitor {
	if c.Interval == 0 {
		c.Interval = interval
	}
	trouble := outage.Log{Logger: c.Logger, Begins: "monitor: nothing is found out; trying again", Ends: "monitor: it finds out again, or another does"}
	return &Monitor{Config: c, page: page, stood: map[string]stand{}, trouble: trouble}
}

// Run waits until nobody else watches, and then does, until ctx ends. It survives
// every failure, and tells nothing while it does not know.
func (m *Monitor) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		switch err := m.watch(ctx); {
		case !errors.Is(err, errWatched):
			m.failed = time.Now()
			m.trouble.Tried(ctx, err)
		case time.Since(m.failed) > lingers: // else it may be our own lock that is met
			m.trouble.Tried(ctx, nil)
		}
		m.System.Tell(nil)
		pause.For(ctx, m.Interval)
	}
	return nil
}

// errWatched says that another process watches.
var errWatched = errors.New("another process watches")

// watch holds the lock for as long as its connection lasts, and looks.
func (m *Monitor) watch(ctx context.Context) error {
	held, err := m.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	conn := held.Hijack() // closing it gives the lock back, whatever happened
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	var ours bool
	if err := conn.QueryRow(ctx, "-- lock monitor\nselect pg_try_advisory_lock(hashtext('sical monitor'))").Scan(&ours); err != nil {
		return err
	}
	if !ours {
		return errWatched
	}
	for ctx.Err() == nil {
		more, err := m.look(ctx, conn)
		if err != nil {
			return err
		}
		if !more {
			pause.For(ctx, m.Interval)
		}
	}
	return ctx.Err()
}

// look takes the figures anew and tells them; more says that the log is not counted to
// its end.
func (m *Monitor) look(ctx context.Context, conn *pgx.Conn) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	f := &telemetry.Figures{Views: map[string]telemetry.ViewFigures{}}
	if more, err = m.count(ctx, conn, f); err != nil {
		return false, err
	}
	if err := m.views(ctx, conn, f); err != nil {
		return false, err
	}
	if err := m.relay(ctx, conn, f); err != nil {
		return false, err
	}
	m.trouble.Tried(ctx, nil)
	if !more { // what is half counted would look like a loss
		m.System.Tell(f)
	}
	return more, nil
}
