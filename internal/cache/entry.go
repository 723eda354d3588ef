package cache

import (
	"sync/atomic"
	"time"
)

// never is the generation of an entry that is not to be given again.
const never = ^uint64(0)

// entry is an answer with what decides whether it may be given.
type entry struct {
	key        string
	answer     Answer
	generation uint64 // of the Positions when the load began
	position   uint64 // the answer has every event up to here
	fallen     bool   // it was read of a database that had fallen back: good for its askers alone
	views      []*view
	slots      []uint16  // the floors of what it depends on
	ends       time.Time // when it is dropped, whatever happens
	forms      [Kinds]atomic.Pointer[form]
	size       atomic.Int64 // bytes, the forms included
}

// current tells whether the answer is as new as is known to this process and
// as the asker needs, and up to which position. It may be called at any time
// while floors rise: applied positions are read before the floors, which are
// raised before them.
func (e *entry) current(p *Positions, least uint64) (position uint64, ok bool) {
	if e.fallen || e.generation != p.generation.Load() {
		return 0, false
	}
	applied := leastApplied(e.views)
	for _, v := range e.views {
		if !v.heard.Load() || v.floor.Load() > e.position {
			return 0, false
		}
	}
	for _, slot := range e.slots {
		if p.floors.at[slot].Load() > e.position {
			return 0, false
		}
	}
	// Nothing it depends on has changed since it was read.
	position = max(applied, e.position)
	return position, position >= least
}

// at is the entry's answer, as current as the position.
func (e *entry) at(c *Cache, position uint64) Answer {
	a := e.answer
	a.Position, a.entry, a.cache = position, e, c
	return a
}

// measure sets the size of an entry without forms.
func (e *entry) measure() {
	e.size.Store(int64(overhead + len(e.key) + len(e.answer.Body) + len(e.answer.ETag) + 2*len(e.slots) + 8*len(e.views)))
}

func leastApplied(views []*view) uint64 {
	least := views[0].applied.Load()
	for _, v := range views[1:] {
		least = min(least, v.applied.Load())
	}
	return least
}
