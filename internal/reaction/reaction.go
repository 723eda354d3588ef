package reaction

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"sical-backend/events"
	"sical-backend/internal/pause"
	"sical-backend/internal/postgres"
	"sical-backend/internal/tail"
)

// ErrPoison marks an event that no retry can help: it is set aside, and the
// consumer goes on behind it.
var ErrPoison = errors.New("the event cannot be reacted to")

// ErrUnwanted marks a consumer that wants no more: the reaction gives it up at
// once.
var ErrUnwanted = errors.New("the consumer wants no more")

// ErrUnknown marks an event that only a newer program can react to: the consumer is left
// to other processes for a while, and has not failed.
var ErrUnknown = errors.New("a newer program has to react to the event")

// Consumer is one that a reaction serves.
type Consumer struct {
	ID      events.ID
	Version int    // changes with what the consumer wants, and when it is held or no more
	From    uint64 // where a new one begins: the first event it may get is behind this
	Ended   bool   // nothing of it need be kept
	Held    bool   // it stays where it is for now
	Newer   bool   // what it wants only a newer program can tell: it is left to those
	// Wants tells by its stored name whether an event concerns the consumer.
	Wants func(name string) bool
}

// Reaction is what is done about events.
type Reaction interface {
	// Name stands in tables, logs and metrics.
	Name() string
	// Consumers lists all there are. It is called every second.
	Consumers(context.Context) ([]Consumer, error)
	// React does it once, for one consumer. After any error but ErrPoison, ErrUnwanted and
	// ErrUnknown it is tried again. The event is as stored: sealed, not decoded. Its
	// position belongs to that incarnation of the log.
	React(ctx context.Context, consumer, incarnation events.ID, e events.Event) error
	// GiveUp is called for a consumer that has failed for too long at an event, or
	// wants no more; it has to hold the consumer.
	GiveUp(ctx context.Context, consumer events.ID, at events.Event, reason string) error
}

// Meter is told how reactions fare.
type Meter interface {
	// Reacted is told of each event's handling: its outcome is "done", "failed", "parked"
	// or "left", to a newer program.
	Reacted(reaction, outcome string, seconds float64)
	// Serving is told how many consumers of a reaction this process serves, and how many
	// fail just now: of those, of what it has left to newer programs for a minute, and of what
	// only those can serve and none does.
	Serving(reaction string, consumers, failing int)
}

// Patience is how long and how often a consumer that fails is tried again: Quick times
// soon, First after the failure, then twice as long after the next, and so on up to Slow.
// Then come rounds, each of one try and as many quick ones, from Slow up to Slowest apart,
// doubling too. Every pause is spread: by chance up to half shorter or longer.
type Patience struct {
	Quick         int
	First         time.Duration
	Slow, Slowest time.Duration
	GiveUp        time.Duration // since the first failure
}

// Config is what a Runtime needs.
type Config struct {
	// Pool acts as the reaction role.
	Pool     *pgxpool.Pool
	Log      tail.Log
	Feed     tail.Feed // nil: the log is tailed
	Reaction Reaction
	Patience Patience
	Meter    Meter
	Logger   *slog.Logger
}

// Runtime serves those consumers of a reaction that no other process serves.
type Runtime struct {
	cfg   Config
	owner string // this runtime among all there are
}

// New returns a Runtime; Run starts it.
func New(cfg Config) *Runtime {
	return &Runtime{cfg: cfg, owner: postgres.Owner()}
}

// errOtherLog ends a session whose log was replaced by another history, or went back and
// nobody else has noticed yet.
var errOtherLog = errors.New("reaction: the log has another incarnation, or went back")

// Run serves until ctx ends, then gives the leases back and returns nil. It
// recovers from every error, and logs it.
func (r *Runtime) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := r.session(ctx); err != nil && ctx.Err() == nil {
			r.cfg.Logger.WarnContext(ctx, "reaction starts again", "reaction", r.cfg.Reaction.Name(), "error", err)
			pause.For(ctx, beat)
		}
	}
	return nil
}

// session serves on one history of the log.
func (r *Runtime) session(ctx context.Context) error {
	incarnation, head, err := r.standing(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	s := newSource(ctx, r, incarnation, head)
	router, err := r.router(s)
	if err != nil {
		return err
	}
	group.Go(func() error { return router.Run(ctx) })
	group.Go(func() error { return s.keep(ctx) })
	err = group.Wait()
	s.followers.Wait()
	return err
}

// standing is the log's incarnation, and where it ends.
func (r *Runtime) standing(ctx context.Context) (incarnation events.ID, head uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if incarnation, err = r.cfg.Log.Incarnation(ctx); err != nil {
		return incarnation, 0, err
	}
	head, err = r.cfg.Log.Head(ctx)
	return incarnation, head, err
}
