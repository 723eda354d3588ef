package cache

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
)

// hear takes in a notice that came at the instant now.
func (p *Positions) hear(n Notice, now time.Time) {
	v := p.byName[n.View]
	if v == nil || v.Version != n.Version || v.incarnation == n.Incarnation && n.Epoch < v.epoch {
		return // another binary's version, or the last words of an owner that was superseded
	}
	if n.Incarnation != v.incarnation {
		p.suspect = true // only the database can tell which of the two is the later
		return
	}
	if n.State == "" {
		n.State = Live
	}
	applied := v.applied.Load()
	switch {
	case n.Epoch > v.epoch && n.From < v.saved.Load():
		// The database lost the last commits of the owner before; they are
		// folded once more.
		p.drop()
		v.fallBack(n.From, n.State)
	case n.From > applied:
		raise(&v.floor, n.To)
		p.drop()
	}
	p.raise(v, n)
	v.epoch, v.noticed, v.seen = n.Epoch, now, now
	v.advance(n.To, n.Saved, n.State)
	v.heard.Store(true)
	if n.Forget {
		p.drop()
	}
}

func (p *Positions) raise(v *view, n Notice) {
	if n.All {
		raise(&v.floor, n.To)
	}
	if len(n.Keys) > 0 {
		p.floors.raise(v.Name, n.To)
	}
	for _, name := range n.Keys {
		p.floors.raise(name, n.To)
	}
	for _, name := range n.Groups {
		p.floors.raise(name, n.To)
	}
	if p.change != nil && (n.All || len(n.Keys) > 0) {
		p.change(slices.Concat(n.Keys, n.Groups, []string{v.Name}), n.All)
	}
}

// drop has everything that was read so far forgotten.
func (p *Positions) drop() {
	for _, f := range p.forget {
		f()
	}
	if p.change != nil {
		p.change(nil, true)
	}
}

// checkpoint is a row of sical.projection.
type checkpoint struct {
	View        string
	Version     int
	Position    uint64
	Incarnation events.ID
	Epoch       int64
	State       State
}

// poll asks the database where the views are. It fails silently: what is not
// known for long is not trusted, and asked again.
func (p *Positions) poll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	rows, err := p.cfg.Pool.Query(ctx, `-- list projection
		select view, version, position, incarnation, epoch, state from sical.projection`)
	if err != nil {
		p.cfg.Logger.DebugContext(ctx, "views' positions not read", "err", err)
		return
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[checkpoint])
	if err != nil {
		p.cfg.Logger.DebugContext(ctx, "views' positions not read", "err", err)
		return
	}
	now := time.Now()
	p.suspect = false
	for _, c := range found {
		if v := p.byName[c.View]; v != nil && v.Version == c.Version {
			p.take(v, c, now)
		}
	}
}

// take takes in what the database says of a view. A position beyond the last
// notice's is a notice that lists nothing.
func (p *Positions) take(v *view, c checkpoint, now time.Time) {
	switch {
	case c.Incarnation != v.incarnation:
		p.drop()
		if c.Incarnation != p.incarnation {
			p.incarnation = c.Incarnation
			p.history.Store(&c.Incarnation)
			p.floors.clear()
			p.head.Store(0)
		}
		v.incarnation = c.Incarnation
		v.fallBack(c.Position, c.State)
	case c.Position < v.saved.Load():
		p.drop()
		v.fallBack(c.Position, c.State)
	case c.Position > v.applied.Load():
		raise(&v.floor, c.Position)
		p.drop()
	}
	v.epoch, v.seen = c.Epoch, now
	v.advance(c.Position, c.Position, c.State)
	v.heard.Store(true)
}
