package cache

import (
	"fmt"
	"slices"
	"strings"

	"sical-backend/projections"
)

// park is a row of sical.parked.
type park struct {
	View     string
	Version  int
	Build    int
	Shard    int
	Name     string
	Position uint64
	Names    []string
}

// parked is what the builds that are read hold back. It is not written to, but
// replaced.
type parked struct {
	list  []park
	count map[string]int    // by view
	first map[string]uint64 // by name of a dependency, the first position that is held back
	names map[string]string // by name of a dependency, what is parked
}

func newParked(list []park) *parked {
	p := &parked{list: list, count: map[string]int{}, first: map[string]uint64{}, names: map[string]string{}}
	for _, k := range list {
		p.count[k.View]++
		for _, name := range k.Names {
			if at, known := p.first[name]; !known || k.Position < at {
				p.first[name], p.names[name] = k.Position, k.Name
			}
		}
	}
	return p
}

// setParked takes in what is parked, and keeps of that what belongs to the builds that are read.
// Where something is parked no more, a retry has changed rows without moving a position: so
// answers that were read before are not given any more.
func (p *Positions) setParked(found []park, read map[string][]checkpoint) {
	found = slices.DeleteFunc(found, func(k park) bool {
		shards := read[k.View]
		return len(shards) == 0 || shards[0].of() != projections.Build{View: k.View, Version: k.Version, Number: k.Build}
	})
	released := slices.ContainsFunc(p.parked.Load().list, func(was park) bool { return !slices.ContainsFunc(found, was.same) })
	if released {
		p.clear()
	}
	p.parked.Store(newParked(found))
	if released {
		p.wake(nil, true)
	}
}

func (k park) same(o park) bool {
	return k.View == o.View && k.Version == o.Version && k.Build == o.Build && k.Shard == o.Shard && k.Name == o.Name && k.Position == o.Position
}

// Parked says what of the views that an answer reads is held back, as the header
// Sical-Parked does (RFC 9651, a list of view names): with a key where the answer
// depends on it, by deps or more, with the keys' number where the answer is a list or
// a figure of the view. It is empty where the answer misses nothing, as it does of a
// view of which it names nothing: every name begins with that of its view.
func (p *Positions) Parked(views []string, deps func() []string, more Names) string {
	held := p.parked.Load()
	if len(held.list) == 0 {
		return ""
	}
	all := slices.Concat(deps(), more.List())
	var items []string
	for _, view := range views {
		if n := held.count[view]; n > 0 {
			if item := held.of(view, n, all); item != "" {
				items = append(items, item)
			}
		}
	}
	return strings.Join(items, ", ")
}

func (p *parked) of(view string, n int, deps []string) string {
	for _, k := range p.list {
		if k.View == view && slices.ContainsFunc(k.Names, func(name string) bool { return slices.Contains(deps, name) }) {
			return fmt.Sprintf("%s;key=%q", view, k.Name)
		}
	}
	whole := false
	for _, dep := range deps {
		if strings.HasPrefix(dep, view+"/") {
			return "" // of its rows, and what is held back is of others
		}
		whole = whole || strings.HasPrefix(dep, view)
	}
	if !whole {
		return ""
	}
	return fmt.Sprintf("%s;keys=%d", view, n)
}

// ParkedError says that an answer cannot have a position, as its view holds events
// of the key back from there on.
type ParkedError struct{ Key string }

func (e *ParkedError) Error() string { return fmt.Sprintf("cache: %s is parked", e.Key) }

// CheckParked returns a *ParkedError where an answer that depends on deps or more misses
// events up to the position, since they are parked.
func (p *Positions) CheckParked(position uint64, deps func() []string, more Names) error {
	held := p.parked.Load()
	if len(held.list) == 0 {
		return nil
	}
	for _, dep := range slices.Concat(deps(), more.List()) {
		if at, parked := held.first[dep]; parked && at <= position {
			return &ParkedError{held.names[dep]}
		}
	}
	return nil
}
