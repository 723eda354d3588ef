package rebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/internal/projector"
	"sical-backend/projections"
)

const (
	// tidyAgain is how long a view that is tidy is left alone: another process may have
	// changed over since, and ended before it came to this.
	tidyAgain = 5 * time.Minute
	// After a drop that failed, a view is left alone from untidyFirst on, twice as long
	// after each, up to untidyMost: whoever waits for a table to be dropped holds up who
	// changes what is read of the view.
	untidyFirst, untidyMost = time.Second, time.Minute
)

// tidied is until when a view is left alone, and for how long where a drop failed.
type tidied struct {
	until time.Time
	pause time.Duration
}

// tidy drops what nobody needs any more of the views' builds. It is done apart from the
// jobs, whose lease ends as they do, until it succeeds: a drop fails where somebody
// reads an old build for long, as a backup does. Other views do not wait for that.
func (w *Worker) tidy(ctx context.Context) (failed error) {
	for _, v := range w.cfg.Views {
		last := w.tidied[v.Name]
		if time.Now().Before(last.until) {
			continue
		}
		now := tidied{until: time.Now().Add(tidyAgain)}
		if err := w.drop(ctx, v); err != nil {
			failed = errors.Join(failed, fmt.Errorf("drop what is old of %s: %w", v.Name, err))
			now.pause = min(max(2*last.pause, untidyFirst), untidyMost)
			now.until = time.Now().Add(now.pause)
		}
		w.tidied[v.Name] = now
	}
	return failed
}

// drop drops the builds that nobody needs any more. Of this version: all but the one that
// is read, the one before it and one that is being made. Of those below, once this one is
// read: all of the same but of the next lower version that was read, and of that what
// nobody is at just now, as a job that waits for a decision may have nobody left to heed
// it. And what is left of those whose positions are gone.
func (w *Worker) drop(ctx context.Context, v *projections.View) error {
	rows, err := w.cfg.Pool.Query(ctx, `-- list builds
		select distinct p.view, p.version, p.build from sical.projection p join sical.view_version r using (view, version)
		where p.view = $1 and exists (select from sical.view_version where view = $1 and version = $2 and serving is not null) and (
			p.version <= $2 and p.build is distinct from r.serving and p.build is distinct from r.previous
				and not exists (select from sical.projection_job j
					where j.view = p.view and j.version = p.version and j.build = p.build and j.state not in ('done', 'failed', 'cancelled')
						and (j.version = $2 or j.owner is not null and j.lease_until > clock_timestamp()))
			or p.version < (select max(version) from sical.view_version where view = $1 and version < $2 and serving is not null))
		union all
		select r.view, r.version, number from sical.view_version r, generate_series(1, r.builds) number
		where r.view = $1 and r.version <= $2 and r.serving is distinct from number
			and to_regclass(format('sical_read.%s_v%s_b%s', r.view, r.version, number)) is not null
			and not exists (select from sical.projection p where p.view = r.view and p.version = r.version and p.build = number)
		order by version, build`,
		v.Name, v.Version)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[projections.Build])
	if err != nil {
		return err
	}
	for _, b := range list {
		err := w.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			if b.Version < v.Version {
				if err := retire(ctx, tx, b); err != nil {
					return err
				}
			}
			return dropBuild(ctx, tx, b)
		})
		if err != nil {
			return err
		}
		w.cfg.Logger.InfoContext(ctx, "old build dropped", "view", b.View, "version", b.Version, "build", b.Number)
	}
	return nil
}

// retire has a lower version's build read no more, and takes away the job that was at it,
// which that version may be asked for again.
func retire(ctx context.Context, tx pgx.Tx, b projections.Build) error {
	if err := projector.Retire(ctx, tx, b); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `-- retire projection_job
		delete from sical.projection_job
		where view = $1 and version = $2 and build = $3 and state not in ('done', 'failed', 'cancelled')`, b.View, b.Version, b.Number)
	return err
}
