package projector

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// The registry, sical.view_version and sical.projection, says which builds of a view
// there are, how far their shards are, and which build is read. These are all the
// statements that change it but those of ownership and checkpoints, which stand in
// lease.go. Each is for a transaction of the caller's, as the projector role.

// ErrServing is returned for what must not happen to a build that is read.
var ErrServing = errors.New("projector: the build is being read")

// ErrNoBuild is returned where there is no such build.
var ErrNoBuild = errors.New("projector: there is no such build")

// NewBuild enters a further build of the view and creates its tables, without
// their indexes. Nobody reads or folds it: its shards are building, at position 0.
// The shards' number cannot be changed later.
func NewBuild(ctx context.Context, tx pgx.Tx, v *projections.View, shards int) (projections.Build, error) {
	if err := LockVersion(ctx, tx, v); err != nil {
		return projections.Build{}, err
	}
	return newBuild(ctx, tx, v, shards, "building")
}

// LockVersion enters the view's version and holds its row until tx ends. A transaction
// that locks checkpoints as well must lock the version first: two that did it in different
// order would wait for each other.
func LockVersion(ctx context.Context, tx pgx.Tx, v *projections.View) error {
	_, err := tx.Exec(ctx, `-- lock view_version
		insert into sical.view_version as r (view, version) values ($1, $2)
		on conflict (view, version) do update set version = r.version`, v.Name, v.Version)
	return err
}

func newBuild(ctx context.Context, tx pgx.Tx, v *projections.View, shards int, state string) (b projections.Build, err error) {
	var number int
	if err := tx.QueryRow(ctx, `-- build view_version
		update sical.view_version set builds = builds + 1 where view = $1 and version = $2 returning builds`,
		v.Name, v.Version).Scan(&number); err != nil {
		return b, err
	}
	b = v.Build(number)
	if _, err := tx.Exec(ctx, `-- build projection
		insert into sical.projection (view, version, build, shard, incarnation, state)
		select $1, $2, $3, shard, incarnation, $5 from sical.log, generate_series(0, $4::int - 1) shard`,
		b.View, b.Version, b.Number, shards, state); err != nil {
		return b, err
	}
	return b, makeTables(ctx, tx, v, b)
}

// makeTables makes the build's tables anew, empty.
func makeTables(ctx context.Context, tx pgx.Tx, v *projections.View, b projections.Build) error {
	if err := dropTables(ctx, tx, b); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "-- build "+v.Name+"\n"+v.DDL(b))
	return err
}

// dropTables drops the build's tables. It waits for readers no longer than 2 s, because
// every other reader queues behind a drop that waits. The caller's own lock_timeout is put
// back afterwards.
func dropTables(ctx context.Context, tx pgx.Tx, b projections.Build) error {
	var before, own string
	if err := tx.QueryRow(ctx, `-- limit lock
		select current_setting('lock_timeout'), set_config('lock_timeout', '2s', true)`).Scan(&before, &own); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf(`-- drop %s
		drop table if exists %s, %s`, b.View, b.Table(), b.TotalTable())); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `-- unlimit lock
		select set_config('lock_timeout', $1, true)`, before)
	return err
}

// SetPosition says that the rows of all shards of a build hold every event up to
// position, and has it folded from there on, by whoever owns it.
func SetPosition(ctx context.Context, tx pgx.Tx, b projections.Build, position uint64) error {
	done, err := tx.Exec(ctx, `-- place projection
		update sical.projection p
		set position = $4, incarnation = l.incarnation, epoch = epoch + 1, owner = null,
			state = case state when 'paused' then state else 'live' end, error = null, failed_at = null, updated_at = now()
		from sical.log l
		where view = $1 and version = $2 and build = $3`, b.View, b.Version, b.Number, position)
	if err == nil && done.RowsAffected() == 0 {
		return fmt.Errorf("%w: %s", ErrNoBuild, b)
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- place parked
		delete from sical.parked where view = $1 and version = $2 and build = $3`, b.View, b.Version, b.Number)
	return err
}

// Skipped notes which forms of events (events.UnknownType) a build's fold has stepped
// over, in place of those noted before.
func Skipped(ctx context.Context, tx pgx.Tx, b projections.Build, forms []string) error {
	if forms == nil {
		forms = []string{}
	}
	_, err := tx.Exec(ctx, `-- skip projection
		update sical.projection set skipped_unknown = $4 where view = $1 and version = $2 and build = $3`,
		b.View, b.Version, b.Number, forms)
	return err
}

// SetState has all shards of a build folded, with state wire.ViewLive, which ends a pause
// and a failure; or left where they are, with wire.ViewPaused. Their owners heed it
// within a second. A build that is still building is left alone.
func SetState(ctx context.Context, tx pgx.Tx, b projections.Build, state wire.ViewState) error {
	_, err := tx.Exec(ctx, `-- steer projection
		update sical.projection set state = $4, updated_at = now()
		where view = $1 and version = $2 and build = $3 and state <> 'building'`, b.View, b.Version, b.Number, state)
	return err
}

// Flip makes the build "to" the one that is read, in place of "from" (Number 0 for none).
// The old build is still folded, so that a rollback can return to it. If "from" is paused,
// "to" is paused as well: only a resume ends a pause.
func Flip(ctx context.Context, tx pgx.Tx, from, to projections.Build) error {
	done, err := tx.Exec(ctx, `-- flip view_version
		update sical.view_version r
		set previous = case serving when $3 then previous else serving end, serving = $3, flipped_at = clock_timestamp()
		where view = $1 and version = $2
			and exists (select from sical.projection p where p.view = r.view and p.version = r.version and p.build = $3)`,
		to.View, to.Version, to.Number)
	if err == nil && done.RowsAffected() == 0 {
		return fmt.Errorf("%w: %s", ErrNoBuild, to)
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- pause projection
		update sical.projection set state = 'paused', updated_at = now()
		where view = $1 and version = $2 and build = $3 and state = 'live'
			and exists (select from sical.projection where view = $1 and version = $4 and build = $5 and state = 'paused')`,
		to.View, to.Version, to.Number, from.Version, from.Number)
	return err
}

// Forget notes that no build of the version is read, where the version has no positions
// any more because somebody has deleted the read models; lost tells whether that was so.
// The version is then without a build, as before its first.
func Forget(ctx context.Context, tx pgx.Tx, v *projections.View) (lost bool, err error) {
	if err := LockVersion(ctx, tx, v); err != nil {
		return false, err
	}
	done, err := tx.Exec(ctx, `-- forget view_version
		update sical.view_version r set serving = null, previous = null
		where view = $1 and version = $2 and serving is not null
			and not exists (select from sical.projection p where p.view = r.view and p.version = r.version)`, v.Name, v.Version)
	return done.RowsAffected() > 0, err
}

// Retire has a build read no more, so that it can be dropped; its version is then
// without one that is read. It does nothing to a build that is not read.
func Retire(ctx context.Context, tx pgx.Tx, b projections.Build) error {
	_, err := tx.Exec(ctx, `-- retire view_version
		update sical.view_version set serving = null, previous = null
		where view = $1 and version = $2 and serving = $3`, b.View, b.Version, b.Number)
	return err
}

// DropBuild removes a build with its tables; whoever folds it stops. It fails with
// ErrServing for the one that is read.
func DropBuild(ctx context.Context, tx pgx.Tx, b projections.Build) error {
	var serving bool
	err := tx.QueryRow(ctx, `-- drop view_version
		update sical.view_version set previous = nullif(previous, $3) where view = $1 and version = $2
		returning coalesce(serving = $3, false)`, b.View, b.Version, b.Number).Scan(&serving)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("%w: %s", ErrNoBuild, b)
	case err != nil:
		return err
	case serving:
		return fmt.Errorf("%w: %s", ErrServing, b)
	}
	if _, err := tx.Exec(ctx, `-- drop projection
		delete from sical.projection where view = $1 and version = $2 and build = $3`,
		b.View, b.Version, b.Number); err != nil {
		return err
	}
	return dropTables(ctx, tx, b)
}

// ShortLog is up to how many events in the log a first build is folded live. In a longer
// log a rebuild makes it in bulk.
const ShortLog = 200

// begin gives a version that has no build its first one, to be folded from the log's
// beginning. Where no version of the view has a build that is read, this one is at once.
//
// With rebuilds, which do this in bulk, it is done only in a log of at most ShortLog events.
func begin(ctx context.Context, tx pgx.Tx, v *projections.View, rebuilds bool) error {
	if err := LockVersion(ctx, tx, v); err != nil {
		return err
	}
	var begun, served, short bool
	if err := tx.QueryRow(ctx, `-- begun projection
		select exists (select from sical.projection where view = $1 and version = $2),
			exists (select from sical.view_version r join sical.projection p using (view, version)
				where view = $1 and p.build = r.serving),
			not exists (select from sical.events where position > $3)`,
		v.Name, v.Version, ShortLog).Scan(&begun, &served, &short); err != nil || begun || rebuilds && (served || !short) {
		return err
	}
	if _, err := Forget(ctx, tx, v); err != nil { // else it would be kept as the way back
		return err
	}
	b, err := newBuild(ctx, tx, v, 1, "live")
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "-- index "+v.Name+"\n"+v.IndexDDL(b)); err != nil || served {
		return err
	}
	return Flip(ctx, tx, projections.Build{}, b)
}
