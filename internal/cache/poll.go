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

// poll asks the database which builds are read, what they hold back and where they are; the
// last is taken in for builds that are new here, or for all. Notices that wait for what is
// held back are taken in as far as the database has come, and who waits for that is woken.
// answered is false where it did not answer.
func (p *Positions) poll(ctx context.Context, all bool) (answered bool) {
	asked := time.Now()
	within, cancel := context.WithTimeout(ctx, p.cfg.patience)
	defer cancel()
	var found []checkpoint
	var parks []park
	batch := &pgx.Batch{} // positions first: what is parked up to them is then among the parks
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
	err := p.cfg.Pool.SendBatch(within, batch).Close()
	p.registry.Tried(ctx, err)
	if err != nil {
		return false
	}
	now := time.Now()
	p.suspect.Store(false)
	p.looked = now
	read := p.read(found)
	p.setParked(parks, read)
	for name, shards := range read {
		if v := p.byName[name]; all || *v.build.Load() != shards[0].of() {
			p.take(v, shards, now)
		}
	}
	for name, shards := range read {
		p.release(p.byName[name], shards, now)
	}
	p.show(read, asked)
	return true
}

// read picks the build that is read of each view: of the highest version that
// this process can read and that has one.
func (p *Positions) read(found []checkpoint) map[string][]checkpoint {
	read := map[string][]checkpoint{}
	for _, c := range found { // lower versions first
		v := p.byName[c.View]
		if v == nil || !v.CanRead(c.Version) {
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

// take takes in what the database says of the shards of the build that is read. Where a
// position is beyond the last notice's, it is not known what has changed: answers that were
// read before are not given any more.
func (p *Positions) take(v *view, found []checkpoint, now time.Time) {
	build := found[0].of()
	flipped := *v.build.Load() != build || len(found) != len(v.shards)
	if flipped {
		v.shards = make([]shard, len(found))
	}
	known := p.Incarnation()
	incarnation, fallen, ahead := known, false, false
	for i, c := range found {
		s := &v.shards[i]
		switch {
		case c.Incarnation != s.incarnation:
			fallen = fallen || !flipped || c.Incarnation != known
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
	case fallen || flipped: // another incarnation of the log counts as fallen
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

// restart makes a view's positions those of its shards as they are now, of this build and
// this incarnation of the log, be they lower or higher. Answers that were read before must
// not be given at the new position. So they are cleared and the view is closed before the
// positions change. It opens after a second clear, which drops answers whose loads began
// meanwhile: they may have taken a position or a build of before.
//
// Another incarnation clears the floors of views that stay open as well. What was read before
// is of another generation by then, and what is read afterwards has all that was heard.
func (p *Positions) restart(v *view, build projections.Build, incarnation events.ID) {
	p.clear()
	v.floor.Store(closed)
	if known := p.incarnation.Load(); known == nil || *known != incarnation {
		p.incarnation.Store(&incarnation)
		for _, v := range p.views {
			if known != nil { // or nothing was heard, and no floor was raised
				v.floors.clear()
			}
		}
		p.head.Store(0)
	}
	v.move()
	v.build.Store(&build)
	p.clear()
	v.floor.Store(0)
}
