package projector

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/wire"
)

const (
	leaseDuration = 3 * time.Second        // of a process's lease, unless it is renewed
	renewal       = time.Second            // how often that is done, and the registry looked at
	lookLimit     = 2 * time.Second        // how long that may take
	saveLimit     = 250 * time.Millisecond // how long a checkpoint over events of no concern may trail
	heartbeat     = time.Second

	// patience bounds one exchange with the database: a connection that has gone
	// silent must not hold a view for as long as TCP would wait, nor a turn of all views.
	patience = time.Minute

	// aside is how long a unit that is taken or given back waits for another.
	aside = 200 * time.Millisecond
)

// errLost ends an ownership.
var errLost = errors.New("projector: the unit has another owner or was dropped, its tables are gone, or its checkpoint was moved")

// lease is what the owner of a unit holds, as long as its process's lease is
// valid and, once that has run out, until another takes it.
type lease struct {
	epoch       int64 // of this ownership
	incarnation events.ID
	position    uint64    // applied
	saved       uint64    // the checkpoint as committed
	first, last events.ID // the events behind saved and at position; zero where none was applied since
	state       wire.ViewState
	dirty       time.Time // when position first passed saved; zero where it has not
	skipped     []string  // forms of events that were stepped over, as committed
}

// past is the lease behind these events, which were applied.
func (l lease) past(list []*events.Event) lease {
	if l.position == l.saved {
		l.first = list[0].ID
	}
	last := list[len(list)-1]
	l.position, l.last = last.Position, last.ID
	return l
}

// args are the arguments of a statement with inLog.
func (l *lease) args(u Unit, more ...any) []any {
	return append(u.args(l.position, l.saved, l.first, l.last, l.epoch), more...)
}

// skips tells whether all of these forms are in the table already as stepped over.
func (l *lease) skips(forms map[string]bool) bool {
	for form := range forms {
		if !slices.Contains(l.skipped, form) {
			return false
		}
	}
	return true
}

// acquire tries to become the unit's owner. Before that, a build that is not sound is
// emptied, to be built again.
func (r *runner) acquire(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	defer r.inTurn(ctx)()
	if err := r.mend(ctx); err != nil {
		return false, err
	}
	var l lease
	err := r.cfg.Pool.QueryRow(ctx, `-- acquire projection
		update sical.projection p
		set owner = $5, epoch = epoch + 1, incarnation = l.incarnation, updated_at = now()
		from sical.log l
		where view = $1 and version = $2 and build = $3 and shard = $4 and state <> 'building'
			and (owner is null or owner = $5 or not exists (
				select from sical.projector o where o.owner = p.owner and o.lease_until > clock_timestamp()))
		returning p.position, p.epoch, p.incarnation, p.state, p.skipped_unknown, (
			select count(*) from sical.projection q where q.view = p.view and q.version = p.version and q.build = p.build)`,
		r.unit.args(r.owner)...).Scan(&l.position, &l.epoch, &l.incarnation, &l.state, &l.skipped, &r.shards)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if l.incarnation != r.hub.Incarnation() {
		return false, errOtherLog
	}
	if r.parks, err = r.loadParks(ctx, false); err != nil { // nobody else can write them any more
		return false, err
	}
	l.saved = l.position
	r.lease, r.sent = l, l.position
	r.owned.Store(l.epoch)
	r.paused.Store(l.state == wire.ViewPaused)
	return true, nil
}

// inTurn has units be taken, and given back, one behind the other and so on one connection of
// the pool: what each of them opens at the start otherwise costs Postgres more than what is asked
// there. Where that takes long, as for a build that is emptied, the others do not wait for it.
func (r *runner) inTurn(ctx context.Context) (end func()) {
	ctx, cancel := context.WithTimeout(ctx, r.aside)
	defer cancel()
	end, err := r.hub.ownership.Acquire(ctx)
	if err != nil {
		return func() {}
	}
	return end
}

// mend empties the unit's build, to be built again, where it is not sound.
func (r *runner) mend(ctx context.Context) error {
	found, err := examine(ctx, r.cfg.Pool, r.unit.Build)
	if err != nil || found.sound() {
		return err
	}
	err = pgx.BeginFunc(ctx, r.cfg.Pool, func(tx pgx.Tx) error {
		found, err = restore(ctx, tx, r.view, r.unit.Build)
		return err
	})
	switch {
	case err != nil || found.sound(): // or another has mended it
	case found.ahead:
		r.log(ctx, slog.LevelError, "view is ahead of the log, which went back; it is built again")
	default:
		r.log(ctx, slog.LevelWarn, "view has lost its tables; it is built again")
	}
	return err
}

// inLog is true where the log has what a checkpoint is moved over: the first event and the
// last. At a failover to a server that lacks the last commits, log and checkpoints go back
// together, and the unit stays its owner's. What comes from memory or the bus then is of a
// history that nobody has any more, until somebody notices. (For "=" the server might plan to
// read all of a log that is small yet.)
const inLog = `($6 = $5
		or (select e.event_id from sical.events e where e.position > $6 order by e.position limit 1) = $7
		and (select e.event_id from sical.events e where e.position >= $5 order by e.position limit 1) = $8)`

// moved is the first statement of a checkpoint's transaction. It updates a row only while
// this is still the owner, the checkpoint is where this owner left it, and the log is the
// same. Else it divides by zero, which fails the whole transaction.
const moved = `-- move projection
	with moved as (
		update sical.projection p
		set position = $5, updated_at = now(), skipped_unknown = $11,
			state = case when $10 and state = 'failed' then 'live' else state end,
			error = case when not $10 then error end,
			failed_at = case when not $10 then failed_at end
		from sical.log l
		where view = $1 and version = $2 and build = $3 and shard = $4
			and epoch = $9 and position = $6 and p.incarnation = l.incarnation and ` + inLog + `
		returning state)
	select min(state), 1 / count(*) from moved`

// save commits how far l is as the checkpoint, with whatever else is queued in rows and the forms
// of the events that were stepped over. healed makes a failed unit live again. It fails with
// errLost where the unit has another owner, and with errOtherLog where the log has not those events.
func (r *runner) save(ctx context.Context, rows *pgx.Batch, l lease, healed bool, forms map[string]bool) error {
	skipped := r.lease.skipped
	if !r.lease.skips(forms) {
		skipped = slices.Compact(slices.Sorted(slices.Values(slices.AppendSeq(slices.Clone(skipped), maps.Keys(forms)))))
	}
	batch := &pgx.Batch{}
	batch.Queue(moved, l.args(r.unit, healed, skipped)...)
	batch.QueuedQueries = append(batch.QueuedQueries, rows.QueuedQueries...)

	results := r.cfg.Pool.SendBatch(ctx, batch)
	var state wire.ViewState
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
	if postgres.DivisionByZero(err) {
		return r.unmoved(ctx)
	}
	if err != nil {
		return err
	}
	l.saved, l.first, l.last, l.dirty, l.state, l.skipped = l.position, events.ID{}, events.ID{}, time.Time{}, state, skipped
	r.lease = l
	r.paused.Store(state == wire.ViewPaused)
	return nil
}

// unmoved tells why the checkpoint was not moved. Where the unit is still this owner's, the log or
// the checkpoint went back, and what this process has in memory may be of what was lost.
func (r *runner) unmoved(ctx context.Context) error {
	var own bool
	err := r.cfg.Pool.QueryRow(ctx, `-- look projection
		select exists (select from sical.projection where view = $1 and version = $2 and build = $3 and shard = $4 and epoch = $5)`,
		r.unit.args(r.lease.epoch)...).Scan(&own)
	switch {
	case err != nil:
		return err
	case own:
		return errOtherLog
	}
	return errLost
}

// stop writes down that the unit cannot go on.
func (r *runner) stop(ctx context.Context, position uint64, failed error) error {
	err := r.cfg.Pool.QueryRow(ctx, `-- stop projection
		update sical.projection
		set state = case state when 'paused' then state else 'failed' end, error = $6, failed_at = $7, updated_at = now()
		where view = $1 and version = $2 and build = $3 and shard = $4 and epoch = $5
		returning state`,
		r.unit.args(r.lease.epoch, postgres.Text(failed.Error()), position)...).Scan(&r.lease.state)
	if errors.Is(err, pgx.ErrNoRows) {
		return errLost
	}
	return err
}

// release gives the unit back, so that another need not wait until the lease has run out.
// The last save may have been cut off, and nobody knows whether it was committed: so the
// checkpoint is moved on only where it still is as this owner last saw it, of the log there is.
func (r *runner) release() {
	ctx, cancel := context.WithTimeout(context.Background(), r.parting) // then the lease has run out by itself
	defer cancel()
	defer r.inTurn(ctx)()
	_, err := r.cfg.Pool.Exec(ctx, `-- release projection
		update sical.projection p
		set position = case when position = $6 and p.incarnation = l.incarnation and `+inLog+` then $5 else position end,
			owner = null, updated_at = now()
		from sical.log l
		where view = $1 and version = $2 and build = $3 and shard = $4 and epoch = $9`, r.lease.args(r.unit)...)
	if err != nil {
		r.cfg.Logger.Debug("unit not given back; the lease runs out by itself", "unit", r.unit, "error", err)
	}
}
