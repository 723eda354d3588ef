package projector

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// keeper renews this process's lease, under which it owns all its units, and decides
// which units to fold. Those of every build of the versions that it knows are shared out
// among all projectors.
type keeper struct {
	*Projector
	hub     *hub
	group   *errgroup.Group
	views   map[string]*projections.View // by VersionName
	running map[Unit]*running
	served  map[string]projections.Build // as last seen, nil before
}

// running is a runner at work.
type running struct {
	*runner
	cancel context.CancelFunc
	ended  chan struct{}
}

func newKeeper(p *Projector, h *hub, group *errgroup.Group) *keeper {
	k := &keeper{Projector: p, hub: h, group: group, views: map[string]*projections.View{}, running: map[Unit]*running{}}
	for _, v := range p.cfg.Views {
		k.views[VersionName(v.Name, v.Version)] = v
	}
	return k
}

// run keeps the lease and the runners until ctx ends, or returns errOtherLog.
func (k *keeper) run(ctx context.Context) error {
	tick := time.NewTicker(renewal)
	defer tick.Stop()
	troubled := false
	for {
		err := k.turn(ctx)
		if errors.Is(err, errOtherLog) {
			return err
		}
		if err != nil && ctx.Err() == nil && !troubled { // once, not for every try while the database is away
			k.cfg.Logger.WarnContext(ctx, "views not looked after", "error", err)
		}
		troubled = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// turn renews the lease, looks at the registry and acts on what it finds. Where the log has
// another incarnation it fails with errOtherLog: a unit that has nothing to save would never
// hear of that, and take the events of the new history for ones that it has.
func (k *keeper) turn(ctx context.Context) error {
	r, err := k.look(ctx)
	if err != nil {
		return err
	}
	if r.incarnation != k.hub.Incarnation() {
		return errOtherLog
	}
	begun, failed := k.begin(ctx, r)
	if begun {
		if r, err = k.look(ctx); err != nil {
			return err
		}
	}
	k.follow(r)
	take, give := share(k.owner, r.peers, r.units)
	for _, u := range give {
		if own := k.running[u]; own != nil {
			own.cancel() // it gives the unit back
		}
	}
	for _, u := range r.units {
		if u.owner == k.owner && !slices.Contains(give, u.Unit) {
			take = append(take, u.Unit) // mine; start does nothing where a runner is at it
		}
	}
	for _, u := range take {
		k.start(ctx, u)
	}
	k.announce(r.served)
	return failed
}

// begin gives each view that has no build yet its first. What fails for one is no
// reason to leave the others.
func (k *keeper) begin(ctx context.Context, r *registry) (begun bool, failed error) {
	ctx, cancel := context.WithTimeout(ctx, k.patience)
	defer cancel()
	for _, v := range k.cfg.Views {
		if r.built[VersionName(v.Name, v.Version)] {
			continue
		}
		begun = true
		if err := pgx.BeginFunc(ctx, k.cfg.Pool, func(tx pgx.Tx) error { return begin(ctx, tx, v, k.cfg.Rebuilds) }); err != nil {
			failed = fmt.Errorf("begin view %s: %w", v.Name, err)
		}
	}
	return begun, failed
}

// follow tells the runners what others have done to their units. What other versions of a
// view hold back is not told of: only a program that knows them can try it again, and nobody
// may have one any more.
func (k *keeper) follow(r *registry) {
	for _, v := range k.cfg.Views {
		k.cfg.Metrics.Parked(v.Name, r.parked[VersionName(v.Name, v.Version)])
	}
	seen := map[Unit]held{}
	for _, u := range r.units {
		seen[u.Unit] = u
	}
	for unit, own := range k.running {
		select {
		case <-own.ended:
			delete(k.running, unit)
			continue
		default:
		}
		u, exists := seen[unit]
		if !exists || u.epoch > own.epoch() && u.owner != k.owner {
			own.cancel()
			continue
		}
		own.heed(u.paused, r.asked[unit])
	}
}

// start runs a unit, unless that is being done.
func (k *keeper) start(ctx context.Context, u Unit) {
	if k.running[u] != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	own := &running{newRunner(k.Projector, k.views[VersionName(u.View, u.Version)], u, k.hub), cancel, make(chan struct{})}
	k.running[u] = own
	k.group.Go(func() error {
		defer close(own.ended)
		defer cancel()
		return own.run(ctx)
	})
}

// announce tells the readers of a view that another build of it is read now. Whoever
// flipped it does so too, but may have ended before it could.
func (k *keeper) announce(served map[string]projections.Build) {
	before := k.served
	k.served = served
	if before == nil || maps.Equal(before, served) {
		return
	}
	for view, build := range served {
		if before[view] != build {
			Announce(k.cfg, build)
		}
	}
}

// Announce tells every reader that another build of a view may be read now.
func Announce(cfg Config, b projections.Build) {
	send(cfg, wire.Notice{View: b.View, Version: b.Version, Build: b.Number, Flip: true})
}
