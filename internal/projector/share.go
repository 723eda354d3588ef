package projector

import (
	"cmp"
	"fmt"
	"slices"
)

// peer is a projector that is there.
type peer struct {
	owner string
	knows []string // by VersionName
}

// VersionName is a view's version in sical.projector, where each projector names the
// versions that it can fold.
func VersionName(view string, version int) string { return fmt.Sprintf("%s/%d", view, version) }

// held is a unit as the registry has it.
type held struct {
	Unit
	owner  string // with a lease that is valid, else empty
	epoch  int64
	paused bool
}

// share says which of the free units a projector is to take, and which of its own to
// give away. All projectors compute the same from about the same rows. A free unit goes to
// the projector with the fewest. One that has at least two more than another gives a unit
// away, if the other can fold it.
func share(me string, peers []peer, units []held) (take, give []Unit) {
	load := map[string]int{}
	for _, u := range units {
		if u.owner != "" {
			load[u.owner]++
		}
	}
	// fewest is who has the least of those that can fold the unit, "" for nobody.
	fewest := func(u Unit) (owner string) {
		for _, p := range peers {
			if slices.Contains(p.knows, VersionName(u.View, u.Version)) && (owner == "" || load[p.owner] < load[owner]) {
				owner = p.owner
			}
		}
		return owner
	}
	slices.SortFunc(peers, func(a, b peer) int { return cmp.Compare(a.owner, b.owner) })
	slices.SortFunc(units, func(a, b held) int { return a.compare(b.Unit) })
	for _, u := range units {
		if u.owner != "" {
			continue
		}
		owner := fewest(u.Unit)
		load[owner]++
		if owner == me {
			take = append(take, u.Unit)
		}
	}
	for _, u := range units {
		if u.owner != me {
			continue
		}
		if other := fewest(u.Unit); other != "" && load[other]+2 <= load[me] {
			load[other]++
			load[me]--
			give = append(give, u.Unit)
		}
	}
	return take, give
}
