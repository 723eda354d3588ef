package rebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/internal/pause"
	"sical-backend/internal/postgres"
	"sical-backend/internal/projector"
	"sical-backend/projections"
)

// read is the build of the view that is read: of its own version, or else of the
// next lower one; Number 0 for none, or where its positions are gone.
func (r *rebuilding) read(ctx context.Context, q postgres.Querier) (b projections.Build, err error) {
	b.View = r.view.Name
	err = q.QueryRow(ctx, `-- read build
		select version, serving from sical.view_version r
		where view = $1 and version <= $2 and exists (
			select from sical.projection p where p.view = r.view and p.version = r.version and p.build = r.serving)
		order by version desc limit 1`, r.view.Name, r.view.Version).Scan(&b.Version, &b.Number)
	if errors.Is(err, pgx.ErrNoRows) {
		return projections.Build{}, nil
	}
	return b, err
}

// compare holds the build against the one that is read, and changes over to it,
// or has it held.
func (r *rebuilding) compare(ctx context.Context) (held bool, err error) {
	old, err := r.read(ctx, r.w.cfg.Pool)
	if err != nil {
		return false, err
	}
	var outcome *Outcome
	var reason error
	if old.Number != 0 {
		outcome, err = compare(ctx, r.w.cfg.Pool, r.view, old, r.build, r.pace)
		var apart *ApartError
		if err != nil && !errors.As(err, &apart) {
			return false, err
		}
		// Another version may have other rows. And where the two are too far apart, there
		// may be no program left that folds the old one: waiting would not help.
		switch same := old.Version == r.view.Version; {
		case apart != nil:
			outcome = nil
			if same || r.requireApproval {
				reason = fmt.Errorf("not compared with what is read: %w", apart)
			}
		case same && !outcome.Equal():
			reason = fmt.Errorf("%d differences from what is read, by the same fold", outcome.Differences)
		case r.requireApproval:
			reason = errors.New("approval is required")
		}
	}
	if reason != nil && !r.approved {
		r.logger.WarnContext(ctx, "rebuild held until it is approved or cancelled", "reason", reason)
		return true, r.end(ctx, r.w.cfg.Pool, Held, outcome, reason)
	}
	return true, r.flip(ctx, outcome)
}

// flipTries bound how long changing over waits for the moment at which the build
// is as far as the one that is read: 20 s.
const (
	flipTries = 1000
	flipWait  = 20 * time.Millisecond
)

// ErrBehind says that a build is not as far as the one that is read.
var ErrBehind = errors.New("the build is behind the one that is read")

// flip changes over to the build. It may have been held for days, so that flip first waits
// until it is near the log's end. Under load there may be no moment at which it is as far
// as the one that is read; the last try takes it a little behind.
func (r *rebuilding) flip(ctx context.Context, outcome *Outcome) error {
	if err := r.await(ctx); err != nil {
		return err
	}
	old, err := r.change(ctx, outcome, 0)
	for try := 2; errors.Is(err, ErrBehind) && try <= flipTries; try++ {
		if !pause.For(ctx, flipWait) {
			return context.Cause(ctx)
		}
		most := int64(0)
		if try == flipTries {
			most = near
		}
		old, err = r.change(ctx, outcome, most)
	}
	if err != nil {
		return err
	}
	r.state = Done
	r.w.cfg.Announce(r.build)
	instead := "nothing"
	if old.Number != 0 {
		instead = old.String()
	}
	r.logger.InfoContext(ctx, "build is read", "build", r.build.Number, "instead_of", instead)
	delete(r.w.tidied, r.view.Name)
	return nil
}

// change has the build read instead of the old one and ends the job. It fails with
// ErrBehind where the build is more than most events behind the old one, and with
// errStopped where it has failed. It locks the version first, so that nobody else changes
// meanwhile which build is read.
func (r *rebuilding) change(ctx context.Context, outcome *Outcome, most int64) (old projections.Build, err error) {
	err = r.w.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := projector.LockVersion(ctx, tx, r.view); err != nil {
			return err
		}
		if old, err = r.read(ctx, tx); err != nil {
			return err
		}
		behind, failed, err := holdBoth(ctx, tx, old, r.build)
		switch {
		case err != nil:
			return err
		case failed:
			return errStopped
		case behind > most:
			return ErrBehind
		}
		if err := projector.Flip(ctx, tx, old, r.build); err != nil {
			return err
		}
		return r.end(ctx, tx, Done, outcome, nil)
	})
	return old, err
}

// holdBoth keeps both builds where they are until tx ends, and tells by how many events the
// build "to" is behind the build "from". Whoever reads one after the other must not see
// the log go back. Shards of "from" that have failed do not count, as they cannot go on.
// failed tells whether a shard of "to" has.
func holdBoth(ctx context.Context, tx pgx.Tx, from, to projections.Build) (behind int64, failed bool, err error) {
	err = tx.QueryRow(ctx, `-- lock checkpoints
		with held as (
			select version = $4 and build = $5 as is_to, position, state from sical.projection
			where view = $1 and (version = $2 and build = $3 or version = $4 and build = $5)
			order by version, build, shard for update)
		select coalesce(min(position) filter (where not is_to and state <> 'failed') - min(position) filter (where is_to), 0),
			coalesce(bool_or(state = 'failed') filter (where is_to), false)
		from held`,
		to.View, from.Version, from.Number, to.Version, to.Number).Scan(&behind, &failed)
	return behind, failed, err
}

// Rollback has a view's previous build read again. The one that is read now becomes the
// previous one, so that a second Rollback goes forward again. announce tells the readers.
// It fails with ErrNoPrevious, and with ErrBehind where the previous build is behind, as it
// is where the view was paused before it was rebuilt.
func Rollback(ctx context.Context, pool *pgxpool.Pool, v *projections.View, announce func(projections.Build)) error {
	for try := 1; ; try++ {
		var to projections.Build
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			var serving, previous *int
			err := tx.QueryRow(ctx, `-- lock view_version
				select serving, previous from sical.view_version where view = $1 and version = $2 for update`,
				v.Name, v.Version).Scan(&serving, &previous)
			if errors.Is(err, pgx.ErrNoRows) || err == nil && (serving == nil || previous == nil) {
				return ErrNoPrevious
			}
			if err != nil {
				return err
			}
			from := v.Build(*serving)
			to = v.Build(*previous)
			if behind, _, err := holdBoth(ctx, tx, from, to); err != nil {
				return err
			} else if behind > 0 {
				return ErrBehind
			}
			return projector.Flip(ctx, tx, from, to)
		})
		if err == nil {
			announce(to)
		}
		if !errors.Is(err, ErrBehind) {
			return err
		}
		if try == 40 {
			return fmt.Errorf("%w: where the view is paused, resume it first", err)
		}
		if !pause.For(ctx, flipWait) {
			return ctx.Err()
		}
	}
}

// verify holds the build that is read against the log.
func (r *rebuilding) verify(ctx context.Context) error {
	b, err := Serving(ctx, r.w.cfg.Pool, r.view)
	if err != nil {
		return err
	}
	if err := r.set(ctx, r.w.cfg.Pool, `state = 'verifying'`); err != nil {
		return err
	}
	outcome, err := Verify(ctx, VerifyConfig{
		Pool: r.w.cfg.Pool, View: r.view, Build: b, Sample: r.sample,
		Progress: func(done float64) { r.done.Store(uint64(1000 * done)) },
	})
	if err != nil {
		return err
	}
	if !outcome.Equal() {
		r.logger.ErrorContext(ctx, "view is not what its log says", "differences", outcome.Differences)
		return r.end(ctx, r.w.cfg.Pool, Failed, outcome, fmt.Errorf("%d differences from the log", outcome.Differences))
	}
	return r.end(ctx, r.w.cfg.Pool, Done, outcome, nil)
}

// ErrUnready is returned for a view that has no build to be read yet.
var ErrUnready = errors.New("this view has no build of its version that is read yet")

// Serving is the build of a view's version that is read. It fails with ErrUnready.
func Serving(ctx context.Context, pool *pgxpool.Pool, v *projections.View) (projections.Build, error) {
	var number int
	err := pool.QueryRow(ctx, `-- read build
		select coalesce((select serving from sical.view_version where view = $1 and version = $2), 0)`, v.Name, v.Version).Scan(&number)
	if err == nil && number == 0 {
		err = ErrUnready
	}
	return v.Build(number), err
}
