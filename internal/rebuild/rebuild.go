package rebuild

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/internal/heap"
	"sical-backend/internal/pause"
	"sical-backend/internal/projector"
	"sical-backend/projections"
)

// rebuilding is one job at work.
type rebuilding struct {
	*claim
	logger *slog.Logger
	pace   *pacer
	now    atomic.Pointer[progress] // of a fill; nil before and after
	done   atomic.Uint64            // thousandths, of what is no fill
}

func (r *rebuilding) status() Status {
	if p := r.now.Load(); p != nil {
		return p.status(time.Now())
	}
	return Status{Percent: float64(r.done.Load()) / 10}
}

// run goes on with a rebuild from wherever it stands.
func (r *rebuilding) run(ctx context.Context) error {
	for {
		var err error
		switch r.state {
		case Requested:
			err = r.prepare(ctx)
		case Filling:
			err = r.fill(ctx)
		case CatchingUp:
			err = r.catchUp(ctx)
		case Comparing:
			var held bool
			if held, err = r.compare(ctx); held {
				return err
			}
		case Held:
			return r.flip(ctx, nil) // a held job is claimed only once it was approved
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// prepare makes a build at the log's present head.
func (r *rebuilding) prepare(ctx context.Context) error {
	return r.w.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, "-- head events\nselect coalesce(max(position), 0) from sical.events").Scan(&r.target); err != nil {
			return err
		}
		if r.shards == 0 {
			if err := tx.QueryRow(ctx, `-- read shards
				select greatest(1, (select count(*) from sical.projection p join sical.view_version v using (view, version)
					where p.view = $1 and p.version = $2 and p.build = v.serving))`, r.view.Name, r.view.Version).Scan(&r.shards); err != nil {
				return err
			}
		}
		var err error
		if r.build, err = projector.NewBuild(ctx, tx, r.view, r.shards); err != nil {
			return err
		}
		if err := (&fill{view: r.view, build: r.build}).prepare(ctx, tx); err != nil {
			return err
		}
		r.share, r.state = whole, Filling
		return r.set(ctx, tx, `state = 'filling', build = $6, target = $7, shards = $8, share_first = $9, share_last = $10`,
			r.build.Number, r.target, r.shards, int64(whole.first), int64(whole.last))
	})
}

// errOtherLog says that the log has gone back since the build was begun. The build is then
// begun again.
var errOtherLog = errors.New("rebuild: the log has another history")

// fill fills the build's tables from the log, or goes on with it.
func (r *rebuilding) fill(ctx context.Context) error {
	if err := r.sameLog(ctx); errors.Is(err, errOtherLog) {
		return r.again(ctx)
	} else if err != nil {
		return err
	}
	f := &fill{
		pool: r.w.cfg.Pool, log: r.w.log, view: r.view, build: r.build, shards: r.shards, to: r.target, memory: r.w.cfg.Memory,
		pace: r.pace, progress: newProgress(r.target, r.share.first),
		record: func(ctx context.Context, tx pgx.Tx, next share) error {
			r.share = next
			return r.set(ctx, tx, `share_first = $6, share_last = $7`, int64(next.first), int64(next.last))
		},
		filled: func(ctx context.Context, tx pgx.Tx) error {
			if err := projector.SetPosition(ctx, tx, r.build, r.target); err != nil {
				return err
			}
			return r.set(ctx, tx, `state = 'catching_up', phase = '', percent = 95, rate_now = 0, eta_seconds = null`)
		},
	}
	r.now.Store(f.progress)
	defer r.now.Store(nil)
	began := time.Now()
	defer heap.Fill(f.memory)()
	if r.share != (share{}) { // which is behind the last
		if err := f.run(ctx, r.share); err != nil {
			return err
		}
	}
	if err := f.finish(ctx); err != nil {
		return err
	}
	r.done.Store(950)
	s := f.progress.status(time.Now())
	r.logger.InfoContext(ctx, "build filled", "build", r.build.Number, "position", r.target, "events", s.Events, "rows", s.Rows,
		"seconds", time.Since(began).Seconds(), "events_per_second", int64(s.Rate))
	r.state = CatchingUp
	return nil
}

func (r *rebuilding) sameLog(ctx context.Context) error {
	var same bool
	err := r.w.cfg.Pool.QueryRow(ctx, `-- read checkpoints
		select coalesce(bool_and(p.incarnation = l.incarnation), false) from sical.projection p, sical.log l
		where view = $1 and version = $2 and build = $3`, r.build.View, r.build.Version, r.build.Number).Scan(&same)
	if err == nil && !same {
		return errOtherLog
	}
	return err
}

// again begins the rebuild anew.
func (r *rebuilding) again(ctx context.Context) error {
	r.logger.WarnContext(ctx, "rebuild begins again", "build", r.build.Number, "reason", errOtherLog)
	return r.w.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := dropBuild(ctx, tx, r.build); err != nil {
			return err
		}
		r.state = Requested
		return r.set(ctx, tx, `state = 'requested', build = null`)
	})
}

// dropBuild removes a build with whatever belongs to it.
func dropBuild(ctx context.Context, tx pgx.Tx, b projections.Build) error {
	if _, err := tx.Exec(ctx, fmt.Sprintf("-- drop build\ndrop table if exists %s", partsOf(b))); err != nil {
		return err
	}
	if err := projector.DropBuild(ctx, tx, b); !errors.Is(err, projector.ErrNoBuild) {
		return err
	}
	return nil
}

// giveUp drops the build and ends the job.
func (r *rebuilding) giveUp(ctx context.Context, state string, failure error) error {
	return r.w.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if r.build.Number != 0 && r.kind == KindRebuild {
			if err := dropBuild(ctx, tx, r.build); err != nil {
				return err
			}
		}
		return r.end(ctx, tx, state, nil, failure)
	})
}

// near is how many events a build may be behind the log to be compared and read.
const near = 1000

// errStopped says that projectors cannot go on with the build.
var errStopped = errors.New("the new build cannot be folded on")

// catchUp waits until the projectors have folded into the build what has come
// since its filling.
func (r *rebuilding) catchUp(ctx context.Context) error {
	if err := r.await(ctx); err != nil {
		return err
	}
	r.state = Comparing
	return r.set(ctx, r.w.cfg.Pool, `state = 'comparing'`)
}

// await waits until the build is near the log's end. It fails with errStopped where
// projectors will never get it there.
func (r *rebuilding) await(ctx context.Context) error {
	first := uint64(0)
	for {
		at, head, failure, err := r.behind(ctx)
		switch {
		case err != nil:
			return err
		case failure != "":
			return fmt.Errorf("%w: %s", errStopped, failure)
		}
		if first == 0 || at < first {
			first = at
		}
		r.done.Store(950 + 40*(at-first)/max(head-first, 1))
		if head-at <= near {
			return nil
		}
		if !pause.For(ctx, beat/5) {
			return context.Cause(ctx)
		}
	}
}

// behind tells how far the build and the log are, and what stops the build.
func (r *rebuilding) behind(ctx context.Context) (at, head uint64, failure string, err error) {
	err = r.w.cfg.Pool.QueryRow(ctx, `-- read checkpoints
		select min(p.position), (select coalesce(max(position), 0) from sical.events),
			coalesce(min(case state when 'failed' then 'event ' || failed_at || ': ' || error end), '')
		from sical.projection p where view = $1 and version = $2 and build = $3
		having count(*) > 0`, r.build.View, r.build.Version, r.build.Number).Scan(&at, &head, &failure)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, 0, "", fmt.Errorf("%w: it is gone", errStopped)
	}
	return at, max(head, at), failure, err
}
