package projections

import (
	"fmt"
	"slices"
)

// Build is one set of tables of a version of a view. A version may have several:
// it is rebuilt beside the build that is read.
type Build struct {
	View    string
	Version int
	Number  int // from 1; 0 for none
}

// Build is a build of this version of the view.
func (v *View) Build(number int) Build { return Build{v.Name, v.Version, number} }

// Table is where the build's rows stand.
func (b Build) Table() string {
	return fmt.Sprintf("sical_read.%s_v%d_b%d", b.View, b.Version, b.Number)
}

// TotalTable is where the build's sums stand, one addend a shard.
func (b Build) TotalTable() string { return b.Table() + "_total" }

func (b Build) String() string { return fmt.Sprintf("%s v%d b%d", b.View, b.Version, b.Number) }

// Checkpoint says how far a build's tables are.
type Checkpoint struct {
	Build  Build
	Shards []uint64 // of each: every event up to here is in its rows
}

// Position is the one that all shards have; 0 where nobody folds them yet.
func (c Checkpoint) Position() uint64 {
	if len(c.Shards) == 0 {
		return 0
	}
	return slices.Min(c.Shards)
}

// Shard is the one of n shards, from 0, whose owner folds the row. A row's shard
// is for ever, as its build's other rows were folded by it: the FNV-1a hash
// (Fowler, Noll, Vo; 64 bits, its halves xored) of the key's 32 bytes, modulo n.
func (k Key) Shard(n int) int {
	if n == 1 {
		return 0
	}
	const basis, prime = 14695981039346656037, 1099511628211
	hash := uint64(basis)
	for _, id := range [2][16]byte{k.A, k.B} {
		for _, b := range id {
			hash = (hash ^ uint64(b)) * prime
		}
	}
	return int((hash>>32 ^ hash) & 0xffffffff % uint64(n))
}
