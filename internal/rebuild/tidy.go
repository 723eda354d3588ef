package rebuild

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/projections"
)

// tidyAgain is how long a view that is tidy is left alone: another process may have
// changed over since, and ended before it came to this.
const tidyAgain = 5 * time.Minute

// tidy drops what nobody needs any more of the views' builds. It is done apart from the
// jobs, whose lease ends as they do, until it succeeds: a drop fails where somebody
// reads an old build for long.
func (w *Worker) tidy(ctx context.Context) error {
	for _, v := range w.cfg.Views {
		if time.Since(w.tidied[v.Name]) < tidyAgain {
			continue
		}
		if err := w.drop(ctx, v); err != nil {
			return err
		}
		w.tidied[v.Name] = time.Now()
	}
	return nil
}

// drop drops the builds that nobody needs any more: of this version, all but the
// one that is read, the one before it and one that is being made; of versions
// below the next lower one, all, once this one is read; and what is left of those whose
// positions are gone.
func (w *Worker) drop(ctx context.Context, v *projections.View) error {
	rows, err := w.cfg.Pool.Query(ctx, `-- list builds
		select distinct p.view, p.version, p.build from sical.projection p join sical.view_version r using (view, version)
		where p.view = $1 and r.serving is not null and (
			p.version = $2 and p.build is distinct from r.serving and p.build is distinct from r.previous
				and not exists (select from sical.projection_job j
					where j.view = p.view and j.version = p.version and j.build = p.build and j.state not in ('done', 'failed', 'cancelled'))
			or p.version < (select max(version) from sical.view_version where view = $1 and version < $2 and serving is not null)
				and exists (select from sical.view_version where view = $1 and version = $2 and serving is not null))
		union all
		select r.view, r.version, number from sical.view_version r, generate_series(1, r.builds) number
		where r.view = $1 and r.version <= $2 and r.serving is distinct from number
			and to_regclass(format('sical_read.%s_v%s_b%s', r.view, r.version, number)) is not null
			and not exists (select from sical.projection p where p.view = r.view and p.version = r.version and p.build = number)`,
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
				if _, err := tx.Exec(ctx, `-- retire view_version
					update sical.view_version set serving = null, previous = null where view = $1 and version = $2`, b.View, b.Version); err != nil {
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
