package cache

import (
	"slices"
	"time"

	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// hear takes in a notice that came at the instant now.
func (p *Positions) hear(n wire.Notice, now time.Time) {
	v, s := p.about(n)
	if s == nil {
		return
	}
	if n.Incarnation != s.incarnation {
		p.suspect.Store(true) // only the database can tell which of the two is the later
		return
	}
	if n.Epoch < s.epoch {
		return // of an owner that another has replaced
	}
	fallen, missed := n.Epoch > s.epoch && n.From < s.saved, s.missed(n)
	switch {
	case fallen:
		// The database lost the last commits of the owner before; they are
		// folded once more.
		s.applied, s.saved = n.From, n.From
		p.restart(v, buildOf(n), p.Incarnation())
	case missed:
		raise(&v.floor, n.To)
		p.clear()
	}
	whole := v.raise(n)
	s.applied, s.saved = max(s.applied, n.To), max(s.saved, n.Saved)
	s.epoch, s.noticed, s.seen = n.Epoch, now, now
	if s.state = n.State; s.state == "" {
		s.state = wire.ViewLive
	}
	v.settle()
	v.heard.Store(!v.silent(now, p.cfg.Silence, func(s *shard) time.Time { return s.seen }))
	if n.Forget {
		p.clear()
	}
	if all := fallen || missed || whole || n.Forget; all || len(n.Keys) > 0 {
		p.wake(slices.Concat(n.Keys, n.Groups, []string{v.Name}), all)
	}
}

// about is the shard of a view that a notice is about, nil where its build is not read here.
func (p *Positions) about(n wire.Notice) (*view, *shard) {
	v := p.byName[n.View]
	if v == nil || *v.build.Load() != buildOf(n) || n.Shard < 0 || n.Shard >= len(v.shards) {
		return nil, nil
	}
	return v, &v.shards[n.Shard]
}

// missed tells whether notices before this one were lost.
func (s *shard) missed(n wire.Notice) bool { return n.From > s.applied }

// raise raises the floors of what a notice tells to have changed, and tells whether that is the
// whole view: also where one of the names is not the view's, as no answer would know it by that.
func (v *view) raise(n wire.Notice) (whole bool) {
	whole = n.All
	if len(n.Keys) > 0 {
		v.floors.raise(v.Name, n.To)
	}
	for _, names := range [...][]string{n.Keys, n.Groups} {
		for _, name := range names {
			v.floors.raise(name, n.To)
			whole = whole || !v.owns(name)
		}
	}
	if whole {
		raise(&v.floor, n.To)
	}
	return whole
}

// Forget drops everything that was read so far, and has open streams ask anew. It may be
// called at any time, by others who know that someone was erased.
func (p *Positions) Forget() {
	p.clear()
	p.wake(nil, true)
}

func (p *Positions) clear() {
	for _, f := range p.forget {
		f()
	}
}

// wake has those ask anew who follow one of the names, or everybody where all is set. They
// ask for the applied position, so that must have been made known before.
func (p *Positions) wake(names []string, all bool) {
	if p.change != nil {
		p.change(names, all)
	}
}

// buildOf is the build that a notice is about.
func buildOf(n wire.Notice) projections.Build {
	return projections.Build{View: n.View, Version: n.Version, Number: n.Build}
}
