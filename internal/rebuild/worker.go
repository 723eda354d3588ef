package rebuild

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/internal/eventlog"
	"sical-backend/internal/pause"
	"sical-backend/internal/postgres"
	"sical-backend/internal/projector"
	"sical-backend/projections"
)

// Config is what a Worker needs.
type Config struct {
	// Pool acts as the projector role. The Worker uses at most three of its
	// connections at a time.
	Pool  *pgxpool.Pool
	Views []*projections.View
	// Memory is how many bytes the rows of a build may take while it is filled; 0
	// for 128 MiB. The process takes about twice as much.
	Memory int64
	// Requests is how many requests this process has answered so far: where their
	// number grows, a rebuild holds back. nil for a process that answers none.
	Requests func() uint64
	// Announce tells the readers that another build of a view is read now; nil for
	// nobody.
	Announce func(projections.Build)
	Logger   *slog.Logger
}

// Worker does what is asked for in sical.projection_job, one job at a time, and
// sees to it that each view of this program has a build.
type Worker struct {
	cfg   Config
	log   eventlog.Reader
	owner string
	views map[string]*projections.View // by projector.VersionName
	asked map[string]time.Time         // by view: when begin last asked for a build that is whole

	tidied map[string]tidied // by view
}

// New makes a Worker; Run starts it.
func New(cfg Config) *Worker {
	if cfg.Memory == 0 {
		cfg.Memory = 128 << 20
	}
	if cfg.Announce == nil {
		cfg.Announce = func(projections.Build) {}
	}
	if cfg.Requests == nil {
		cfg.Requests = func() uint64 { return 0 }
	}
	w := &Worker{
		cfg: cfg, log: eventlog.NewReader(cfg.Pool), owner: postgres.Owner(),
		views: map[string]*projections.View{}, asked: map[string]time.Time{}, tidied: map[string]tidied{},
	}
	for _, v := range cfg.Views {
		w.views[projector.VersionName(v.Name, v.Version)] = v
	}
	return w
}

// Run works until ctx ends, gives back what it is at, and returns nil. It recovers
// from every error, and logs it.
func (w *Worker) Run(ctx context.Context) error {
	troubled := false
	for {
		worked, err := w.turn(ctx)
		if err != nil && ctx.Err() == nil && !troubled { // once, not for every try while the database is away
			w.cfg.Logger.WarnContext(ctx, "rebuilds interrupted", "error", err)
		}
		troubled = err != nil
		if worked && err == nil {
			continue
		}
		if !pause.For(ctx, beat) {
			return nil
		}
	}
}

// turn does the next job, or tidies where there is none.
func (w *Worker) turn(ctx context.Context) (worked bool, err error) {
	if err := w.begin(ctx); err != nil {
		return false, err
	}
	c, err := w.claim(ctx)
	if err != nil {
		return false, err
	}
	if c == nil {
		return false, w.tidy(ctx)
	}
	return true, w.do(ctx, c)
}

// do works on a claimed job until it ends, is held, or has to be left to another.
func (w *Worker) do(ctx context.Context, c *claim) error {
	logger := w.cfg.Logger.With("view", c.view.Name, "version", c.view.Version, "job", c.kind)
	logger.InfoContext(ctx, "job taken", "state", c.state)
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &rebuilding{claim: c, logger: logger, pace: newPacer(w.cfg.Pool, c.rate, w.cfg.Requests)}
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		c.keep(work, stop, r.status)
	}()
	var err error
	switch {
	case c.cancel:
		err = errCancelled
	case c.kind == KindVerify:
		err = r.verify(work)
	default:
		rest := r.pace.start(work)
		err = r.run(work)
		rest()
	}
	cause := context.Cause(work)
	stop(nil)
	<-kept
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		c.release()
		return nil
	case errors.Is(cause, errLost) || errors.Is(err, errLost):
		return errLost
	case errors.Is(cause, errCancelled) || errors.Is(err, errCancelled):
		logger.InfoContext(ctx, "job cancelled")
		return r.giveUp(ctx, Cancelled, nil)
	case transient(err):
		c.release() // whoever takes it next goes on from here
		return fmt.Errorf("%s of %s: %w", c.kind, c.view.Name, err)
	}
	err = explained(err)
	logger.ErrorContext(ctx, "job failed", "error", err)
	return r.giveUp(ctx, Failed, err)
}

// inTx runs f in a transaction that does not outlast patience.
func (w *Worker) inTx(ctx context.Context, f func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return pgx.BeginFunc(ctx, w.cfg.Pool, func(tx pgx.Tx) error { return f(ctx, tx) })
}
