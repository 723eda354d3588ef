package rebuild

import (
	"encoding/binary"
	"hash/fnv"

	"sical-backend/projections"
)

// spread scatters keys evenly over all numbers, always in the same way: by the finalizer
// of SplitMix64 (Steele, Lea and Flood, 2014) over their words. So a range of numbers is
// about as large a share of the keys.
func spread(k projections.Key) uint64 {
	var h uint64
	for _, id := range [2][16]byte{k.A, k.B} {
		for _, word := range [2]uint64{binary.LittleEndian.Uint64(id[:8]), binary.LittleEndian.Uint64(id[8:])} {
			h = mix(h ^ word)
		}
	}
	return h
}

func mix(h uint64) uint64 {
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// share is a range of spread keys.
type share struct{ first, last uint64 } // both in it

// whole is every key.
var whole = share{0, 1<<64 - 1}

// half is the lower half of s.
func (s share) half() share { return share{s.first, s.first + (s.last-s.first)/2} }

// next is the share behind s, as large as s; false where s reaches the end.
func (s share) next() (share, bool) {
	if s.last == whole.last {
		return share{}, false
	}
	first, last := s.last+1, s.last+1+(s.last-s.first)
	if last < first { // beyond the end
		last = whole.last
	}
	return share{first, last}, true
}

// spreadName scatters names, by FNV-1a and then as keys are.
func spreadName(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // which never fails
	return mix(h.Sum64())
}
