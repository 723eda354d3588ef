package cache

import (
	"encoding/binary"
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
// thousand and more, and each garbage collection looks at all of them. So an entry has 80
// bytes, and one object beside it that has no pointer.
type entry struct {
	all        string // the body, the key, the ETag, the names and the sources, one behind the other
	generation uint64 // of the Positions when the load began
	position   uint64 // the answer has every event up to here: the least of its sources'
	ends       int64  // when it is not given any more, whatever happens: nanoseconds after began
	forms      [Kinds]atomic.Pointer[form]
	size       atomic.Int64 // bytes, the forms included

	body, key, tag, names uint32 // where each ends in all
}

// source is a view that an answer was read from. Each stands where it stood: one that lags
// or rests outdates nothing that is not its own.
type source struct {
	*view
	position uint64 // the answer has every event of the view up to here
}

// Of a source in entry.all: its place in Positions.views, its position, the number of its
// slots, and those: the view's floors of what the answer depends on.
const (
	atPosition = 1
	atNumber   = atPosition + 8
	atSlots    = atNumber + 4
)

// append writes the source behind b, and tells how many of the names are its own.
func (s source) append(b []byte, names []string) (_ []byte, own int) {
	b = binary.LittleEndian.AppendUint64(append(b, s.place), s.position)
	number := len(b)
	b = binary.LittleEndian.AppendUint32(b, 0)
	for _, name := range names {
		if s.owns(name) {
			b = binary.LittleEndian.AppendUint16(b, s.floors.slot(name))
			own++
		}
	}
	binary.LittleEndian.PutUint32(b[number:], uint32(own))
	return b, own
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

// write takes in an answer that was read from the sources and depends on the names. All is put
// behind its body where there is room, as there often is: the runtime has few sizes of objects.
func (e *entry) write(key string, a Answer, sources []source, names []string) {
	all, more := a.Body, len(key)+len(a.ETag)+len(a.Deps)+atSlots*len(sources)+2*len(names)
	if cap(all)-len(all) < more {
		all = append(make([]byte, 0, len(all)+more), all...)
	}
	all = append(append(append(all, key...), a.ETag...), a.Deps...)
	e.position = ^uint64(0)
	known := 0
	for _, s := range sources {
		var own int
		all, own = s.append(all, names)
		known += own
		e.position = min(e.position, s.position)
	}
	if known < len(names) {
		e.generation = never // nobody can tell when it is outdated
	}
	e.body = uint32(len(a.Body))
	e.key = e.body + uint32(len(key))
	e.tag = e.key + uint32(len(a.ETag))
	e.names = e.tag + uint32(len(a.Deps))
	e.all = unsafe.String(unsafe.SliceData(all), len(all)) // nobody writes to it any more
	e.size.Store(int64(overhead + cap(all)))
}

// bytes are all, for who only reads them.
func (e *entry) bytes() []byte { return unsafe.Slice(unsafe.StringData(e.all), len(e.all)) }

// question is the key of what it answers.
func (e *entry) question() string { return e.all[e.body:e.key] }

// current tells whether the answer is as new as this process knows of and as the client
// needs, and up to which position. Positions, floors and generation may change while it
// runs, so that their order matters. A view's applied position is read before its floors,
// because floors are raised first: a new position is never seen with an old floor. The
// generation is read last, because a view that starts anew is closed by its floor until that
// has changed.
func (e *entry) current(p *Positions, least uint64) (position uint64, ok bool) {
	position = ^uint64(0)
	sources := e.bytes()[e.names:]
	for len(sources) > 0 {
		v, read := p.views[sources[0]], binary.LittleEndian.Uint64(sources[atPosition:])
		ends := atSlots + 2*int(binary.LittleEndian.Uint32(sources[atNumber:]))
		applied := v.applied.Load()
		if !v.heard.Load() || v.floor.Load() > read {
			return 0, false
		}
		for slots := sources[atSlots:ends]; len(slots) > 0; slots = slots[2:] {
			if v.floors.at[binary.LittleEndian.Uint16(slots)].Load() > read {
				return 0, false
			}
		}
		// Nothing of the view that it depends on has changed since it was read.
		position, sources = min(position, max(applied, read)), sources[ends:]
	}
	if e.generation != p.generation.Load() || int64(time.Since(began)) > e.ends {
		return 0, false
	}
	return position, position >= least
}

// at is the entry's answer, as current as the position.
func (e *entry) at(c *Cache, position uint64) Answer {
	return Answer{
		Body: e.bytes()[:e.body:e.body], ETag: e.all[e.key:e.tag], Deps: Names(e.all[e.tag:e.names]),
		Position: position, entry: e, cache: c,
	}
}
