package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/internal/eventlog"
	"sical-backend/internal/monitor"
	"sical-backend/internal/pause"
	"sical-backend/internal/postgres"
	"sical-backend/projections"
)

// catchUp waits until the views have folded what is in the log by now, but for those
// that are paused or failed: they may be so for ever. What others go on to append is
// not waited for. Where nobody brings on what is behind, it says so and gives up after a
// while, in which a projector may start, or one take over from another.
func (i *importing) catchUp(ctx context.Context) (all bool, err error) {
	watching, err := i.app.pool(ctx, postgres.RoleProjector, 2, nil)
	if err != nil {
		return false, err
	}
	head, err := eventlog.NewReader(watching).Head(ctx)
	if err != nil {
		return false, err
	}
	for seen := time.Now(); ; {
		behind, brought, err := lagging(ctx, watching, head)
		switch {
		case err != nil || len(behind) == 0:
			return err == nil, err
		case brought:
			seen = time.Now()
		case time.Since(seen) > i.app.forsaken:
			fmt.Fprintf(i.out, "Nobody folds %s now, see `sical projections list`: what was imported stands in the log, and is read once a projector has caught up.\n",
				strings.Join(behind, ", "))
			return false, nil
		}
		if !pause.For(ctx, 100*time.Millisecond) {
			return false, ctx.Err()
		}
	}
}

// lagging lists the views of this program whose build that is read has not reached the
// position, or that have none, and tells whether a projector is there that brings one of
// them on: it can fold that build, or another is being made that will be read.
func lagging(ctx context.Context, p pool, position uint64) (behind []string, brought bool, err error) {
	var names []string
	var versions []int
	for _, v := range projections.Views() {
		names, versions = append(names, v.Name), append(versions, v.Version)
	}
	rows, err := p.Query(ctx, `-- behind projection
		select v.view, exists (
			select from sical.projector o where o.lease_until > clock_timestamp() and (
				v.view || '/' || r.version = any(o.knows) or exists (
					select from sical.projection_job j
					where j.view = v.view and j.version <= v.version and v.view || '/' || j.version = any(o.knows)
						and j.kind = 'rebuild' and j.state not in ('held', 'done', 'failed', 'cancelled'))))
		from unnest($1::text[], $2::int[]) v (view, version) left join (`+monitor.Read+`) r on r.view = v.view
		where coalesce(r.state, 'live') = 'live' and coalesce(r.position, 0) < $3
		order by v.view`, names, versions, int64(position))
	if err != nil {
		return nil, false, err
	}
	var view string
	var comes bool
	_, err = pgx.ForEachRow(rows, []any{&view, &comes}, func() error {
		behind, brought = append(behind, view), brought || comes
		return nil
	})
	return behind, brought, err
}
