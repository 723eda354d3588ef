package rebuild

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/projector"
	"sical-backend/projections"
)

// begin asks for rebuilds that no operator has to ask for. One is the first build of each
// version that this program knows and that has neither a build nor a job, because the
// view's fold has changed or its rows are gone. The other is a new build where the one that
// is read has stepped over events that this program can read. Where several programs ask
// at once, one request counts.
func (w *Worker) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, v := range w.cfg.Views {
		for _, ask := range []func(context.Context, *projections.View) error{w.beginFirst, w.beginAgain} {
			if err := ask(ctx, v); err != nil && !errors.Is(err, ErrRunning) {
				return err
			}
		}
	}
	return nil
}

// beginFirst asks for a build where there is none. Where the first one has failed or was
// cancelled, none is asked for again. But where a build was read and somebody has deleted
// its positions, a new one is asked for whatever became of the last job.
func (w *Worker) beginFirst(ctx context.Context, v *projections.View) error {
	var built, lost, given, short bool
	err := w.cfg.Pool.QueryRow(ctx, `-- read build
		select exists (select from sical.projection where view = $1 and version = $2),
			exists (select from sical.view_version where view = $1 and version = $2 and serving is not null),
			exists (select from sical.projection_job where view = $1 and version = $2 and kind = 'rebuild' and state <> 'done'),
			not exists (select from sical.events where position > $3)
				and not exists (select from sical.view_version r join sical.projection p using (view, version)
					where view = $1 and p.build = r.serving)`,
		v.Name, v.Version, projector.ShortLog).Scan(&built, &lost, &given, &short)
	if err != nil || built || short || given && !lost {
		return err // a short log is left to the projectors, see projector.ShortLog
	}
	return w.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if lost, err = projector.Forget(ctx, tx, v); err != nil {
			return err
		}
		if given && !lost {
			return nil // somebody else was first
		}
		if err := Start(ctx, tx, v, Request{}); err != nil {
			return err
		}
		w.cfg.Logger.InfoContext(ctx, "a view has no rows of this version and is built", "view", v.Name, "version", v.Version, "lost", lost)
		return nil
	})
}

// askAgain is the least time between two builds that are asked for because rows lack
// events. The last one may have been made by an older program beside this one, which
// cannot read them either.
const askAgain = 5 * time.Minute

// beginAgain asks for a build from zero where the one that is read has stepped over events
// that this program can read. The two will differ, so the request is approved beforehand.
func (w *Worker) beginAgain(ctx context.Context, v *projections.View) error {
	if time.Since(w.asked[v.Name]) < askAgain {
		return nil
	}
	var skipped []string
	err := w.cfg.Pool.QueryRow(ctx, `-- read build
		select coalesce(array_agg(distinct form), '{}')
		from sical.projection p join sical.view_version r using (view, version), unnest(p.skipped_unknown) form
		where view = $1 and version = $2 and p.build = r.serving`, v.Name, v.Version).Scan(&skipped)
	if err != nil {
		return err
	}
	skipped = slices.DeleteFunc(skipped, func(form string) bool { return !events.KnowsForm(form) })
	if len(skipped) == 0 {
		return nil
	}
	if err := Start(ctx, w.cfg.Pool, v, Request{Approved: true}); err != nil {
		return err
	}
	w.asked[v.Name] = time.Now()
	w.cfg.Logger.InfoContext(ctx, "a view was folded past events that can be read now and is built again",
		"view", v.Name, "version", v.Version, "events", skipped)
	return nil
}
