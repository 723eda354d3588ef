package cache

import (
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
	all, more := a.Body, len(key)+len(a.ETag)+len(a.Deps)+sourceBytes*len(sources)+slotBytes*len(names)
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
	for rest := e.bytes()[e.names:]; len(rest) > 0; {
		place, read, slots, others := nextSource(rest)
		v := p.views[place]
		applied := v.applied.Load()
		if !v.heard.Load() || v.floor.Load() > read || v.floors.above(read, slots) {
			return 0, false
		}
		// Nothing of the view that it depends on has changed since it was read.
		position, rest = min(position, max(applied, read)), others
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
