package projector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sical-backend/events"
	"sical-backend/internal/cache"
)

const (
	renewal   = time.Second            // how often a lease of 3 s is renewed, and the lease of another is tried for
	saveLimit = 250 * time.Millisecond // how long a checkpoint over events of no concern may trail
	heartbeat = time.Second

	// patience bounds one exchange with the database: a connection that has gone
	// silent must not hold a view for as long as TCP would wait.
	patience = time.Minute
)

// errLost says that the view has another owner, or the checkpoint was moved.
var errLost = errors.New("projector: the view has another owner")

// lease is what the owner of a view holds.
type lease struct {
	epoch       int64 // of this ownership
	incarnation events.ID
	position    uint64 // applied
	saved       uint64 // the checkpoint as committed
	state       cache.State
	renewed     time.Time
	dirty       time.Time // when position first passed saved; zero where it has not
}

// acquire tries to become the view's owner. It creates the view's tables where
// they are missing.
func (r *runner) acquire(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := r.ensure(ctx); err != nil {
		return false, err
	}
	l := lease{renewed: time.Now()}
	err := r.cfg.Pool.QueryRow(ctx, `
		update sical.projection p
		set owner = $3, epoch = epoch + 1, lease_until = clock_timestamp() + interval '3 seconds',
			incarnation = l.incarnation, updated_at = now()
		from sical.log l
		where view = $1 and version = $2 and (owner = $3 or lease_until is null or lease_until < clock_timestamp())
		returning p.position, p.epoch, p.incarnation, p.state`,
		r.view.Name, r.view.Version, r.owner).Scan(&l.position, &l.epoch, &l.incarnation, &l.state)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if l.incarnation != r.hub.incarnation {
		return false, errOtherLog
	}
	l.saved = l.position
	r.lease, r.sent = l, l.position
	return true, nil
}

// moved is a checkpoint's first statement. The division fails, and with it the
// transaction, unless this is still the owner, the checkpoint where it left it
// and the log the same.
const moved = `
	with moved as (
		update sical.projection p
		set position = $3, lease_until = clock_timestamp() + interval '3 seconds', updated_at = now(),
			state = case when $6 and state = 'failed' then 'live' else state end,
			error = case when not $6 then error end,
			failed_at = case when not $6 then failed_at end
		from sical.log l
		where view = $1 and version = $2 and epoch = $4 and position = $5 and p.incarnation = l.incarnation
		returning state)
	select min(state), 1 / count(*) from moved`

const divisionByZero = "22012"

// save commits the position as the checkpoint, with whatever else is queued in
// rows, and renews the lease. healed ends a state of failure. It fails with
// errLost where the view has another owner.
func (r *runner) save(ctx context.Context, rows *pgx.Batch, position uint64, healed bool) error {
	batch := &pgx.Batch{}
	batch.Queue(moved, r.view.Name, r.view.Version, position, r.lease.epoch, r.lease.saved, healed)
	batch.QueuedQueries = append(batch.QueuedQueries, rows.QueuedQueries...)

	now := time.Now()
	results := r.cfg.Pool.SendBatch(ctx, batch)
	var state cache.State
	var one int
	err := results.QueryRow().Scan(&state, &one)
	for range rows.QueuedQueries {
		if err == nil {
			_, err = results.Exec()
		}
	}
	if closed := results.Close(); err == nil {
		err = closed // the commit's own
	}
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && refusal.Code == divisionByZero {
		return errLost
	}
	if err != nil {
		return err
	}
	r.lease.position, r.lease.saved, r.lease.dirty = position, position, time.Time{}
	r.lease.renewed, r.lease.state = now, state
	return nil
}

// stop writes down that the view cannot go on.
func (r *runner) stop(ctx context.Context, f *failure) error {
	now := time.Now()
	err := r.cfg.Pool.QueryRow(ctx, `
		update sical.projection
		set state = case state when 'paused' then state else 'failed' end, error = $4, failed_at = $5,
			lease_until = clock_timestamp() + interval '3 seconds', updated_at = now()
		where view = $1 and version = $2 and epoch = $3
		returning state`,
		r.view.Name, r.view.Version, r.lease.epoch, f.err.Error(), f.position).Scan(&r.lease.state)
	if errors.Is(err, pgx.ErrNoRows) {
		return errLost
	}
	r.lease.renewed = now
	return err
}

// release gives the lease back, so that another need not wait for its end. The
// last batch may have been cut off, and be committed or not.
func (r *runner) release() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := r.cfg.Pool.Exec(ctx, `
		update sical.projection
		set position = case position when $4 then $5 else position end, owner = null, lease_until = null, updated_at = now()
		where view = $1 and version = $2 and epoch = $3`,
		r.view.Name, r.view.Version, r.lease.epoch, r.lease.saved, r.lease.position)
	if err != nil {
		r.cfg.Logger.Debug("lease not given back; it runs out by itself", "view", r.view.Name, "err", err)
	}
}

// ensure creates the view's tables and enters it, all at once, unless that was
// done.
func (r *runner) ensure(ctx context.Context) error {
	var there bool
	err := r.cfg.Pool.QueryRow(ctx, `
		select to_regclass($3) is not null and to_regclass($4) is not null
			and exists (select from sical.projection where view = $1 and version = $2)`,
		r.view.Name, r.view.Version, r.view.Table(), r.view.TotalTable()).Scan(&there)
	if err != nil || there {
		return err
	}
	return pgx.BeginFunc(ctx, r.cfg.Pool, func(tx pgx.Tx) error { return r.create(ctx, tx) })
}

func (r *runner) create(ctx context.Context, tx pgx.Tx) error {
	// The row comes first: whoever else is at this waits for it, and then finds
	// everything done.
	entered, err := tx.Exec(ctx, `
		insert into sical.projection (view, version, incarnation) select $1, $2, incarnation from sical.log
		on conflict do nothing`, r.view.Name, r.view.Version)
	if err != nil {
		return err
	}
	var tables bool
	if err := tx.QueryRow(ctx, `
		select to_regclass($3) is not null and to_regclass($4) is not null
		from sical.projection where view = $1 and version = $2 for update`,
		r.view.Name, r.view.Version, r.view.Table(), r.view.TotalTable()).Scan(&tables); err != nil {
		return err
	}
	if tables && entered.RowsAffected() == 0 {
		return nil
	}
	// A checkpoint without its rows, or rows without their sums, would be wrong
	// for ever: all of it begins anew. A reader of an old table must not make
	// everyone queue behind us.
	for _, sql := range []string{
		`set local lock_timeout = '2s'`,
		fmt.Sprintf(`drop table if exists %s, %s`, r.view.Table(), r.view.TotalTable()),
		r.view.DDL() + r.view.IndexDDL(),
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `
		update sical.projection
		set position = 0, epoch = epoch + 1, lease_until = null, state = 'live', error = null, failed_at = null
		where view = $1 and version = $2`, r.view.Name, r.view.Version)
	return err
}
