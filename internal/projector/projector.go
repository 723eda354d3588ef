package projector

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"sical-backend/internal/pause"
	"sical-backend/internal/postgres"
	"sical-backend/internal/tail"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/tracing"
	"sical-backend/projections"
)

// Config is what a Projector needs.
type Config struct {
	// Pool acts as the projector role, with synchronous_commit off: rows and
	// checkpoint fall back together, so nothing is lost. Its size bounds what
	// works at a time: two of its connections are for the log and the lease, the
	// units take turns at the others.
	Pool *pgxpool.Pool
	Log  tail.Log
	Feed tail.Feed // nil: the log is tailed
	// Changes is where notices of what changed are published, without waiting; nil for nowhere.
	Changes interface {
		Publish(subject string, data []byte) error
	}
	Views []*projections.View
	// Rebuilds says that another part of the process sees to views that have no
	// build yet, in bulk.
	Rebuilds bool
	Metrics  *telemetry.Projection
	Tracer   *tracing.Tracer
	Logger   *slog.Logger
}

// Projector folds the views that this process owns, and stands by for the others.
type Projector struct {
	cfg   Config
	owner string // this projector among all there are
	limits
}

// limits are how long things may take; tests have others.
type limits struct {
	patience time.Duration // one exchange with the database
	aside    time.Duration // that a unit waits for another that is taken or given back
	parting  time.Duration // to give a unit back
}

// New returns a Projector; Run starts it.
func New(cfg Config) *Projector {
	return &Projector{cfg: cfg, owner: postgres.Owner(), limits: limits{patience, aside, leaseDuration}}
}

// errOtherLog ends a session whose log was replaced by another history, or went back and has
// lost events that were held in memory.
var errOtherLog = errors.New("projector: the log has another incarnation, or went back")

// Run folds until ctx ends, then gives the leases back and returns nil. It
// recovers from every error, and logs it.
func (p *Projector) Run(ctx context.Context) error {
	defer p.signOff()
	for ctx.Err() == nil {
		if err := p.session(ctx); err != nil && ctx.Err() == nil {
			p.cfg.Logger.WarnContext(ctx, "projector starts again", "error", err)
			pause.For(ctx, renewal)
		}
	}
	return nil
}

// retryPause is how long a view waits after an error before the next try.
const retryPause = 250 * time.Millisecond

// session runs the units on one history of the log.
func (p *Projector) session(ctx context.Context) error {
	incarnation, err := p.cfg.Log.Incarnation(ctx)
	if err != nil {
		return err
	}
	head, err := p.cfg.Log.Head(ctx)
	if err != nil {
		return err
	}
	h := newHub(p.cfg, incarnation, head)
	group, ctx := errgroup.WithContext(ctx)
	for _, work := range []func(context.Context){h.Run, h.sweep} {
		group.Go(func() error {
			work(ctx)
			return nil
		})
	}
	group.Go(func() error { return newKeeper(p, h, group).run(ctx) })
	return group.Wait()
}
