package cache

import (
	"encoding/binary"
	"hash/maphash"
	"sync/atomic"
)

// slots is how many floors a view has. Names share them by their hash: a shared floor costs a
// needless miss now and then, never a stale answer. Views share none: what stands still would
// be outdated by what goes on, sooner or later all of it. Four times as many for each would be
// 5 MB, of which a process with little memory would collect garbage noticeably more often.
const slots = 1 << 14

// floors holds, for every name of a view that answers depend on, the position of its
// latest known change.
type floors struct {
	seed maphash.Seed
	at   [slots]atomic.Uint64
}

func newFloors() *floors { return &floors{seed: maphash.MakeSeed()} }

func (f *floors) slot(name string) uint16 { return uint16(maphash.String(f.seed, name) % slots) }

func (f *floors) raise(name string, position uint64) { raise(&f.at[f.slot(name)], position) }

// above tells whether the floor of one of the slots, as a source has them, is above a position.
func (f *floors) above(position uint64, slots []byte) bool {
	for ; len(slots) > 0; slots = slots[slotBytes:] {
		if f.at[binary.LittleEndian.Uint16(slots)].Load() > position {
			return true
		}
	}
	return false
}

func (f *floors) clear() {
	for i := range f.at {
		f.at[i].Store(0)
	}
}

// raise sets a to position unless it is there or higher.
func raise(a *atomic.Uint64, position uint64) {
	for old := a.Load(); old < position; old = a.Load() {
		if a.CompareAndSwap(old, position) {
			return
		}
	}
}
