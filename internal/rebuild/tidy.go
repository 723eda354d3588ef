package rebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/internal/eventlog"
	"sical-backend/internal/projector"
	"sical-backend/projections"
)

const (
	// tidyAgain is how long a view is left alone once it is tidy. It is looked at again
	// because another process may have changed over since, and ended before it tidied.
	tidyAgain = 5 * time.Minute
	// After a failed drop a view is left alone for untidyFirst, then twice as long after
	// each further failure, up to untidyMost. A drop that waits for its table holds the
	// view's registry rows locked, and holds up whoever wants to change what is read.
	untidyFirst, untidyMost = time.Second, time.Minute
)

// tidied says until when a view is left alone, and how long the last pause was if a drop
// has failed.
type tidied struct {
	until time.Time
	pause time.Duration
}

// tidy drops builds that nobody needs any more. A drop fails while somebody reads the old
// build, as a backup does for long, and is tried again until it succeeds. So it is no part
// of the job that made it old, which has ended by then. Other views do not wait for it.
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

// drop drops the builds of a view that nobody needs any more. Each is looked at again once
// it is held: somebody may have changed over to it since.
func (w *Worker) drop(ctx context.Context, v *projections.View) error {
	list, err := needless(ctx, w.cfg.Pool, v)
	if err != nil {
		return err
	}
	for _, b := range list {
		still := false
		err := w.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			if err := hold(ctx, tx, b); err != nil {
				return err
			}
			now, err := needless(ctx, tx, v)
			if still = slices.Contains(now, b); err != nil || !still {
				return err
			}
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
		if still {
			w.cfg.Logger.InfoContext(ctx, "old build dropped", "view", b.View, "version", b.Version, "build", b.Number)
		}
	}
	return nil
}

// needless lists the builds of a view that nobody needs any more, once this version is read:
//
//   - of this version, all but the one that is read, the one before it, and one that a job
//     is making;
//   - of lower versions down to the next one that was read, the same; but a build of a job
//     that nobody works on now is dropped too: nobody may be left who decides about it;
//   - of versions below that, all;
//   - tables that are left of builds whose positions are gone.
func needless(ctx context.Context, db eventlog.Querier, v *projections.View) ([]projections.Build, error) {
	rows, err := db.Query(ctx, `-- list builds
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
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[projections.Build])
}

// hold has nobody change over to the build, or take the job that is making it, until tx ends.
func hold(ctx context.Context, tx pgx.Tx, b projections.Build) error {
	if _, err := tx.Exec(ctx, `-- lock view_version
		select from sical.view_version where view = $1 and version = $2 for update`, b.View, b.Version); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `-- lock projection_job
		select from sical.projection_job where view = $1 and version = $2 and build = $3 for update`, b.View, b.Version, b.Number)
	return err
}

// retire has a lower version's build read no more, and deletes the job that was making it,
// so that a program of that version can ask for a new one.
func retire(ctx context.Context, tx pgx.Tx, b projections.Build) error {
	if err := projector.Retire(ctx, tx, b); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `-- retire projection_job
		delete from sical.projection_job
		where view = $1 and version = $2 and build = $3 and state not in ('done', 'failed', 'cancelled')`, b.View, b.Version, b.Number)
	return err
}
