package rebuild

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/internal/pause"
	"sical-backend/internal/postgres"
	"sical-backend/internal/projector"
	"sical-backend/projections"
)

const (
	leaseDuration = 3 * time.Second        // of a job's lease, unless it is renewed
	beat          = 500 * time.Millisecond // how often that is done, and a job looked for

	// patience bounds one short exchange with the database.
	patience = time.Minute
)

var (
	errLost      = errors.New("rebuild: the job has another owner")
	errCancelled = errors.New("rebuild: cancelled")
)

// claim is a job in this process's hands.
type claim struct {
	w    *Worker
	view *projections.View
	kind string

	// As they were when the job was claimed.
	state                             string
	requireApproval, approved, cancel bool
	rate, shards, sample              int
	build                             projections.Build // Number 0 where there is none
	target                            uint64
	share                             share
}

// claim takes a job that nobody works on, nil where there is none: verifications last, as
// each may take an hour, for which a view without a build would not be read. A held job is
// left alone until somebody approves or cancels it.
func (w *Worker) claim(ctx context.Context) (*claim, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var names []string
	for name := range w.views {
		names = append(names, name)
	}
	c := &claim{w: w}
	var name string
	var version, build int
	var first, last int64
	err := w.cfg.Pool.QueryRow(ctx, `-- claim projection_job
		update sical.projection_job j set owner = $1, lease_until = clock_timestamp() + $3::interval, updated_at = now()
		where (view, version, kind) = (
			select view, version, kind from sical.projection_job
			where view || '/' || version = any($2) and state not in ('done', 'failed', 'cancelled')
				and (state <> 'held' or approved or cancel)
				and (owner is null or lease_until < clock_timestamp())
			order by kind = 'verify', requested_at, view for update skip locked limit 1)
		returning view, version, kind, state, require_approval, approved, cancel, rate, shards, sample, coalesce(build, 0),
			target, share_first, share_last`, w.owner, names, leaseDuration).Scan(
		&name, &version, &c.kind, &c.state, &c.requireApproval, &c.approved, &c.cancel, &c.rate, &c.shards, &c.sample, &build,
		&c.target, &first, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.view = w.views[projector.VersionName(name, version)]
	c.build, c.share = c.view.Build(build), share{uint64(first), uint64(last)}
	return c, nil
}

// set changes columns of the job, and renews the lease; in the assignments, args are $6 and
// so on. It fails with errLost where another has the job by now, which fails the transaction
// that it is called in.
func (c *claim) set(ctx context.Context, q postgres.Querier, assignments string, args ...any) error {
	var cancel bool
	err := q.QueryRow(ctx, `-- update projection_job
		update sical.projection_job set lease_until = clock_timestamp() + $5::interval, updated_at = now(), `+assignments+`
		where view = $1 and version = $2 and kind = $3 and owner = $4 returning cancel`,
		append([]any{c.view.Name, c.view.Version, c.kind, c.w.owner, leaseDuration}, args...)...).Scan(&cancel)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return errLost
	case err == nil && cancel:
		c.cancel = true
	}
	return err
}

// keep renews the lease and tells how far the job is until ctx ends; it ends the
// work, through stop, where the job was cancelled or lost.
func (c *claim) keep(ctx context.Context, stop context.CancelCauseFunc, status func() Status) {
	lost := time.Now().Add(leaseDuration)
	for pause.For(ctx, beat) {
		s := status()
		var eta *float64
		if s.ETA > 0 {
			seconds := s.ETA.Seconds()
			eta = &seconds
		}
		var cancelled bool
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, leaseDuration)
			defer cancel()
			return c.w.cfg.Pool.QueryRow(ctx, `-- keep projection_job
				update sical.projection_job set lease_until = clock_timestamp() + $5::interval, updated_at = now(),
					phase = $6, percent = $7, rate_now = $8, eta_seconds = $9
				where view = $1 and version = $2 and kind = $3 and owner = $4 returning cancel`,
				c.view.Name, c.view.Version, c.kind, c.w.owner, leaseDuration, s.Phase, s.Percent, s.Rate, eta).Scan(&cancelled)
		}()
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			stop(errLost)
		case err == nil && cancelled:
			stop(errCancelled)
		case err == nil:
			lost = time.Now().Add(leaseDuration)
		case time.Now().After(lost):
			stop(errLost) // the database is away; another may have the job
		}
	}
}

// end writes down how the job ended, or that it is held.
func (c *claim) end(ctx context.Context, q postgres.Querier, state string, outcome *Outcome, failure error) error {
	var text *string
	if failure != nil {
		s := postgres.Text(failure.Error())
		text = &s
	}
	var found []byte
	if outcome != nil {
		var err error
		if found, err = json.Marshal(outcome); err != nil {
			return err
		}
	}
	return c.set(ctx, q, `state = $6, phase = '', outcome = coalesce($7::json, outcome), error = $8, eta_seconds = null,
		owner = null, percent = case when $6 = 'done' then 100 else percent end,
		finished_at = case when $6 = 'held' then null else now() end`, state, found, text)
}

// release gives the job back, for another to go on with.
func (c *claim) release() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// The lease runs out by itself where this fails.
	_, _ = c.w.cfg.Pool.Exec(ctx, `-- release projection_job
		update sical.projection_job set owner = null, lease_until = null
		where view = $1 and version = $2 and kind = $3 and owner = $4`, c.view.Name, c.view.Version, c.kind, c.w.owner)
}
