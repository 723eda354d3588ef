package auth

import (
	"encoding/binary"
	"sync/atomic"
)

// regulars are tokens that come again and again, in front of the tokenCache: to find one
// takes a look at one place, where a map takes as long as the tag. The tag says which place a
// token may stand in.
type regulars [4096]atomic.Pointer[regular]

type regular struct {
	tag    tag
	claims Claims
	asked  atomic.Bool // since another wanted the place
}

func (r *regulars) place(t tag) *atomic.Pointer[regular] {
	return &r[binary.LittleEndian.Uint64(t[:])%uint64(len(r))]
}

func (r *regulars) get(t tag) (Claims, bool) {
	known := r.place(t).Load()
	if known == nil || known.tag != t {
		return Claims{}, false
	}
	if !known.asked.Load() { // a place that is only read stays in every processor's cache
		known.asked.Store(true)
	}
	return known.claims, true
}

// put gives a good token its place. Where another stands there that was asked for lately,
// that one stays for once: two that come in turn do not push each other out each time.
func (r *regulars) put(t tag, claims Claims) {
	place := r.place(t)
	if there := place.Load(); there != nil && there.asked.Swap(false) {
		return
	}
	place.Store(&regular{tag: t, claims: claims})
}
