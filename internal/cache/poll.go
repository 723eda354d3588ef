package cache

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// checkpoint is a row of sical.projection.
type checkpoint struct {
	View        string
	Version     int
	Build       int
	Position    uint64
	Incarnation events.ID
	Epoch       int64
	State       wire.ViewState
}

// poll asks the database which builds are read, what they hold back and, of those
// that changed or of all, where they are. It tells whether it was answered: what is not
// known for long is not trusted, and asked again.
func (p *Positions) poll(ctx context.Context, all bool) (answered bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var found []checkpoint
	var parks []park
	batch := &pgx.Batch{} // in this order: what a position is beyond is among what is parked
	batch.Queue(`-- list projection
		select view, version, build, position, incarnation, epoch, state
		from sical.view_version join sical.projection using (view, version)
		where build = serving
		order by view, version, shard`).Query(func(rows pgx.Rows) (err error) {
		found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[checkpoint])
		return err
	})
	batch.Queue(`-- list parked
		select view, version, build, shard, name, position, names from sical.parked
		order by view, position`).Query(func(rows pgx.Rows) (err error) {
		parks, err = pgx.CollectRows(rows, pgx.RowToStructByPos[park])
		return err
	})
	if err := p.cfg.Pool.SendBatch(ctx, batch).Close(); err != nil {
		p.cfg.Logger.DebugContext(ctx, "views' positions not read", "err", err)
		return false
	}
	now := time.Now()
	p.suspect.Store(false)
	p.looked = now
	read := p.read(found)
	p.hold(parks, read)
	for name, shards := range read {
		if v := p.byName[name]; all || *v.build.Load() != shards[0].of() {
			p.take(v, shards, now)
		}
	}
	return true
}

// read picks the build that is read of each view: of the highest version that
// this process knows and that has one.
func (p *Positions) read(found []checkpoint) map[string][]checkpoint {
	read := map[string][]checkpoint{}
	for _, c := range found { // lower versions first
		v := p.byName[c.View]
		if v == nil || c.Version < v.Reads || c.Version > v.Version {
			continue
		}
		if before := read[c.View]; len(before) > 0 && before[0].Version != c.Version {
			delete(read, c.View)
		}
		read[c.View] = append(read[c.View], c)
	}
	return read
}

func (c checkpoint) of() projections.Build {
	return projections.Build{View: c.View, Version: c.Version, Number: c.Build}
}

// take takes in what the database says of the shards of the build that is read.
// A position beyond the last notice's is a notice that lists nothing.
func (p *Positions) take(v *view, found []checkpoint, now time.Time) {
	build := found[0].of()
	flipped := *v.build.Load() != build || len(found) != len(v.shards)
	if flipped {
		v.shards = make([]shard, len(found))
	}
	incarnation, fallen, ahead := p.incarnation, false, false
	for i, c := range found {
		s := &v.shards[i]
		switch {
		case c.Incarnation != s.incarnation:
			fallen = fallen || !flipped || c.Incarnation != p.incarnation
			incarnation = c.Incarnation
			*s = shard{incarnation: c.Incarnation, applied: c.Position, saved: c.Position}
		case c.Position < s.saved:
			fallen = true
			s.applied, s.saved = c.Position, c.Position
		case c.Position > s.applied:
			ahead = true
			raise(&v.floor, c.Position)
			s.applied, s.saved = c.Position, c.Position
		}
		s.epoch, s.state, s.seen = c.Epoch, c.State, now
	}
	switch {
	case fallen || flipped: // another log is a fall
		p.restart(v, build, incarnation)
	case ahead:
		p.clear()
	}
	v.settle()
	v.heard.Store(true)
	if fallen || flipped || ahead {
		p.wake(nil, true)
	}
}

// restart makes a view's positions those of its shards as they are now, of the build and
// the log, be they lower or higher. Whatever was read before is of another past: none of
// it may be given at the new position, so nothing is, from before that is known until
// what began meanwhile is forgotten, which may have taken a position or a build of before.
func (p *Positions) restart(v *view, build projections.Build, incarnation events.ID) {
	p.clear()
	v.floor.Store(closed)
	if incarnation != p.incarnation {
		p.incarnation = incarnation
		p.history.Store(&incarnation)
		p.floors.clear()
		p.head.Store(0)
	}
	v.move()
	v.build.Store(&build)
	p.clear()
	v.floor.Store(0)
}
