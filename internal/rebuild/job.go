package rebuild

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/projections"
)

// The kinds of job.
const (
	KindRebuild = "rebuild"
	KindVerify  = "verify"
)

// The states of a job.
const (
	Requested  = "requested"   // nobody works on it yet
	Filling    = "filling"     // the log is folded in bulk
	CatchingUp = "catching_up" // projectors fold what has come since
	Comparing  = "comparing"
	Held       = "held" // until it is approved or cancelled
	Verifying  = "verifying"
	Done       = "done"
	Failed     = "failed"
	Cancelled  = "cancelled"
)

// Job is something that projectors are asked to do to a view, and how far it is.
type Job struct {
	View            string          `json:"view"`
	Version         int             `json:"version"`
	Kind            string          `json:"kind"`
	State           string          `json:"state"`
	Phase           string          `json:"phase,omitempty"` // of the state filling
	Build           *int            `json:"build,omitempty"`
	Percent         float64         `json:"percent"`
	Rate            float64         `json:"events_per_second"`
	ETA             *float64        `json:"eta_seconds,omitempty"`
	RequireApproval bool            `json:"require_approval,omitzero"`
	Limit           int             `json:"rate_limit,omitzero"` // events a second
	Outcome         json.RawMessage `json:"outcome,omitempty"`   // an Outcome
	Error           *string         `json:"error,omitempty"`
	Owner           *string         `json:"owner,omitempty"`
	RequestedAt     time.Time       `json:"requested_at"`
	UpdatedAt       time.Time       `json:"updated_at"`
	FinishedAt      *time.Time      `json:"finished_at,omitempty"`
}

// Ended tells whether nothing more happens to the job.
func (j *Job) Ended() bool { return j.State == Done || j.State == Failed || j.State == Cancelled }

const jobColumns = `view, version, kind, state, phase, build, percent, rate_now, eta_seconds, require_approval, rate,
	outcome, error, owner, requested_at, updated_at, finished_at`

// Jobs lists the latest job of each view's versions and kind.
func Jobs(ctx context.Context, pool *pgxpool.Pool) ([]Job, error) {
	rows, err := pool.Query(ctx, `-- list projection_job
		select `+jobColumns+` from sical.projection_job order by view, version, kind`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Job])
}

// Look returns the latest job of a view's version and kind, nil where there never
// was one.
func Look(ctx context.Context, pool *pgxpool.Pool, v *projections.View, kind string) (*Job, error) {
	rows, err := pool.Query(ctx, `-- read projection_job
		select `+jobColumns+` from sical.projection_job where view = $1 and version = $2 and kind = $3`, v.Name, v.Version, kind)
	if err != nil {
		return nil, err
	}
	j, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[Job])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return j, err
}

// What an operator can get wrong.
var (
	ErrRunning    = errors.New("a rebuild of this view is running already")
	ErrVerifying  = errors.New("this view is being verified already")
	ErrNotRunning = errors.New("no rebuild or verification of this view is running")
	ErrNotHeld    = errors.New("no rebuild of this view waits for approval")
	ErrNoPrevious = errors.New("this view has no previous build to go back to")
)

// BoundsError is returned for a figure that is less than 0 or more than Max.
type BoundsError struct {
	Figure string
	Max    int
}

func (e BoundsError) Error() string { return fmt.Sprintf("%s is from 0 to %d", e.Figure, e.Max) }

func within(figure string, n, most int) error {
	if n < 0 || n > most {
		return BoundsError{figure, most}
	}
	return nil
}

// Request is what is asked of a rebuild.
type Request struct {
	// RequireApproval holds the change over until it is approved.
	RequireApproval bool
	// Approved lets it change over whatever the comparison shows.
	Approved bool
	// Rate is how many events a second it may fold; 0 for as many as live traffic
	// leaves room for.
	Rate int
	// Shards of the new build; 0 for as many as the present one has.
	Shards int
}

// Check fails with a BoundsError.
func (r Request) Check() error {
	return cmp.Or(within("rate", r.Rate, maxFigure), within("shards", r.Shards, maxShards))
}

// Start asks for a rebuild of a view. Whichever projector comes first does it. It
// fails with ErrRunning or a BoundsError.
func Start(ctx context.Context, db executor, v *projections.View, r Request) error {
	if err := r.Check(); err != nil {
		return err
	}
	return ask(ctx, db, v, KindRebuild, ErrRunning, r, 0)
}

// maxShards bounds the shards of a build: each has a row to keep and a lease.
const maxShards = 64

// maxFigure is the most that a column of a job holds.
const maxFigure = math.MaxInt32

// StartVerify asks for a view to be held against the log, or about so many of its
// rows. It fails with ErrVerifying or a BoundsError.
func StartVerify(ctx context.Context, pool *pgxpool.Pool, v *projections.View, sample int) error {
	if err := within("sample", sample, maxFigure); err != nil {
		return err
	}
	return ask(ctx, pool, v, KindVerify, ErrVerifying, Request{}, sample)
}

// executor is a pool or a transaction.
type executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// ask enters a job. Jobs of other versions of the view are no reason to refuse it: they
// share no table, and nobody may be left who could end them.
func ask(ctx context.Context, db executor, v *projections.View, kind string, running error, r Request, sample int) error {
	done, err := db.Exec(ctx, `-- request projection_job
		insert into sical.projection_job as j (view, version, kind, require_approval, rate, shards, sample, approved)
		values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (view, version, kind) do update set
			(state, require_approval, rate, shards, sample, approved, cancel, build, target, share_first, share_last, owner, lease_until,
				phase, percent, rate_now, eta_seconds, outcome, error, requested_at, updated_at, finished_at)
			= ('requested', $4, $5, $6, $7, $8, false, null, 0, 0, -1, null, null, '', 0, 0, null, null, null, now(), now(), null)
		where j.state in ('done', 'failed', 'cancelled')`,
		v.Name, v.Version, kind, r.RequireApproval, r.Rate, r.Shards, sample, r.Approved)
	if err == nil && done.RowsAffected() == 0 {
		return running
	}
	return err
}

// Cancel asks that the running jobs of the view's version are given up, and that the build
// which a rebuild was making is dropped. It returns the kinds of those jobs. It fails with
// ErrNotRunning.
func Cancel(ctx context.Context, pool *pgxpool.Pool, v *projections.View) (kinds []string, err error) {
	rows, err := pool.Query(ctx, `-- cancel projection_job
		update sical.projection_job set cancel = true, updated_at = now()
		where view = $1 and version = $2 and state not in ('done', 'failed', 'cancelled') returning kind`, v.Name, v.Version)
	if err != nil {
		return nil, err
	}
	kinds, err = pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil && len(kinds) == 0 {
		err = ErrNotRunning
	}
	return kinds, err
}

// Approve lets a rebuild change over that is held, or will be: because approval
// was asked for, or because it differs from what is read. It fails with ErrNotHeld.
func Approve(ctx context.Context, pool *pgxpool.Pool, v *projections.View) error {
	done, err := pool.Exec(ctx, `-- approve projection_job
		update sical.projection_job set approved = true, updated_at = now()
		where view = $1 and version = $2 and kind = 'rebuild' and state = 'held'`, v.Name, v.Version)
	if err == nil && done.RowsAffected() == 0 {
		return ErrNotHeld
	}
	return err
}
