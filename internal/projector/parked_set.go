package projector

import (
	"cmp"
	"maps"
	"slices"

	"sical-backend/events"
	"sical-backend/projections"
)

// parks are what a unit holds back: keys and, where an event does not tell its keys,
// streams, each with the position of the first event that is held back. A value is never
// written to; another replaces it.
type parks struct {
	keys    map[projections.Key]uint64
	streams map[events.Stream]uint64
}

func newParks() parks {
	return parks{map[projections.Key]uint64{}, map[events.Stream]uint64{}}
}

func (p parks) count() int { return len(p.keys) + len(p.streams) }

func (p parks) clone() parks { return parks{maps.Clone(p.keys), maps.Clone(p.streams)} }

// holds tells whether an event is held back with its stream.
func (p parks) holds(e *events.Event) bool {
	at, parked := p.streams[e.Stream]
	return parked && e.Position >= at
}

// holdsKey tells whether an event is held back from a row.
func (p parks) holdsKey(k projections.Key, e *events.Event) bool {
	at, parked := p.keys[k]
	return parked && e.Position >= at
}

// with adds what has failed.
func (p parks) with(failures []*failure) parks {
	p = p.clone()
	for _, f := range failures {
		if f.key != nil {
			first(p.keys, *f.key, f.event.Position)
		} else {
			first(p.streams, f.event.Stream, f.event.Position)
		}
	}
	return p
}

// first keeps the lowest position.
func first[K comparable](positions map[K]uint64, name K, position uint64) {
	if at, known := positions[name]; !known || position < at {
		positions[name] = position
	}
}

// apart gives each park by itself, in the order of the log.
func (p parks) apart() []parks {
	var list []parks
	for k, position := range p.keys {
		list = append(list, parks{keys: map[projections.Key]uint64{k: position}})
	}
	for s, position := range p.streams {
		list = append(list, parks{streams: map[events.Stream]uint64{s: position}})
	}
	slices.SortFunc(list, func(a, b parks) int { return cmp.Compare(a.from(), b.from()) })
	return list
}

// less is the parks without others.
func (p parks) less(others parks) parks {
	p = p.clone()
	for k := range others.keys {
		delete(p.keys, k)
	}
	for s := range others.streams {
		delete(p.streams, s)
	}
	return p
}

// from is the first position that is held back.
func (p parks) from() uint64 {
	return slices.Min(slices.AppendSeq(slices.Collect(maps.Values(p.keys)), maps.Values(p.streams)))
}

// names lists what is parked, by name.
func (p parks) names() []string {
	var names []string
	for k := range p.keys {
		names = append(names, k.String())
	}
	for s := range p.streams {
		names = append(names, string(s))
	}
	slices.Sort(names)
	return names
}
