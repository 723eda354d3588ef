package cache

import (
	"math/bits"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"
)

// never is the generation of an entry that is not to be given again.
const never = ^uint64(0)

// began is the instant that entry.ends counts from, by the monotonic clock.
var began = time.Now()

// entry is an answer with what decides whether it may be given. A process keeps a hundred
// thousand and more, and each garbage collection looks at all of them. So an entry has 88
// bytes, and one object beside it that has no pointer.
type entry struct {
	all        string // the body, the key, the ETag, the names and the floors, one behind the other
	generation uint64 // of the Positions when the load began
	position   uint64 // the answer has every event up to here
	views      uint64 // that it was read from, a bit for each place in Positions.views
	ends       int64  // when it is not given any more, whatever happens: nanoseconds after began
	forms      [Kinds]atomic.Pointer[form]
	size       atomic.Int64 // bytes, the forms included

	body, key, tag, names uint32 // where each ends in all
}

// Names are names that an answer depends on, in one piece.
type Names string

// between stands between two names: Postgres has no text with it.
const between = "\x00"

// NamesOf puts names together.
func NamesOf(list []string) Names { return Names(strings.Join(list, between)) }

// List takes them apart.
func (n Names) List() []string {
	if n == "" {
		return nil
	}
	return strings.Split(string(n), between)
}

// write takes an answer in, which depends on the slots. It is put behind its body where there
// is room, as there often is: the runtime has few sizes of objects.
func (e *entry) write(key string, a Answer, slots []uint16) {
	all, more := a.Body, len(key)+len(a.ETag)+len(a.Deps)+2*len(slots)
	if cap(all)-len(all) < more {
		all = append(make([]byte, 0, len(all)+more), all...)
	}
	all = append(append(append(all, key...), a.ETag...), a.Deps...)
	for _, slot := range slots {
		all = append(all, byte(slot>>8), byte(slot))
	}
	e.body = uint32(len(a.Body))
	e.key = e.body + uint32(len(key))
	e.tag = e.key + uint32(len(a.ETag))
	e.names = e.tag + uint32(len(a.Deps))
	e.all = unsafe.String(unsafe.SliceData(all), len(all)) // nobody writes to it any more
	e.size.Store(int64(overhead + cap(all)))
}

// question is the key of what it answers.
func (e *entry) question() string { return e.all[e.body:e.key] }

// current tells whether the answer is as new as this process knows of and as the client
// needs, and up to which position. Positions, floors and generation may change while it
// runs, so that their order matters. Applied positions are read before floors, because
// floors are raised first: a new position is never seen with an old floor. The generation
// is read last, because a view that starts anew is closed by its floor until that has
// changed.
func (e *entry) current(p *Positions, least uint64) (position uint64, ok bool) {
	applied := ^uint64(0)
	for left := e.views; left != 0; left &= left - 1 {
		applied = min(applied, p.views[bits.TrailingZeros64(left)].applied.Load())
	}
	for left := e.views; left != 0; left &= left - 1 {
		if v := p.views[bits.TrailingZeros64(left)]; !v.heard.Load() || v.floor.Load() > e.position {
			return 0, false
		}
	}
	floors := e.all[e.names:]
	for i := 0; i+1 < len(floors); i += 2 {
		if p.floors.at[uint16(floors[i])<<8|uint16(floors[i+1])].Load() > e.position {
			return 0, false
		}
	}
	if e.generation != p.generation.Load() || int64(time.Since(began)) > e.ends {
		return 0, false
	}
	// Nothing it depends on has changed since it was read.
	position = max(applied, e.position)
	return position, position >= least
}

// at is the entry's answer, as current as the position.
func (e *entry) at(c *Cache, position uint64) Answer {
	return Answer{
		Body: unsafe.Slice(unsafe.StringData(e.all), e.body), ETag: e.all[e.key:e.tag], Deps: Names(e.all[e.tag:e.names]),
		Position: position, entry: e, cache: c,
	}
}
