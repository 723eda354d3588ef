package reading

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"sical-backend/events"
)

const (
	cachedMost    = 1024 // rows of a kind
	cachedLongest = 4096 // bytes of such a row, at most; about as many again are its own
)

// rowCache keeps the rows that were read lately and that say what else to read (see Foresee).
// They change seldom: mostly the server gives the very bytes that it gave before, and those
// are compared. A row is found by them, so it cannot be stale. What is personal in it is
// sealed, and all rows go when somebody is erased. They are shared: nobody may change them.
// Rows that nothing follows from are not kept: to decode one takes no longer than to keep it.
type rowCache[T any] struct {
	slots [cachedMost]atomic.Pointer[cachedRow[T]]
}

type cachedRow[T any] struct {
	id  events.ID
	doc string
	row *T
}

func (c *rowCache[T]) slot(id events.ID) *atomic.Pointer[cachedRow[T]] {
	// The last bytes of an id are random, whatever its version.
	return &c.slots[binary.BigEndian.Uint32(id[12:])%cachedMost]
}

// decode gives what doc, the row of the id, decodes to.
func (c *rowCache[T]) decode(id events.ID, doc []byte, decode func([]byte) (*T, error)) (*T, error) {
	slot := c.slot(id)
	last := slot.Load()
	if last != nil && last.id == id && last.doc == string(doc) {
		return last.row, nil
	}
	row, err := decode(doc)
	switch {
	case err != nil:
	case len(doc) <= cachedLongest:
		slot.Store(&cachedRow[T]{id, string(doc), row})
	case last != nil && last.id == id:
		// The slot holds an outdated row, and the new one is too long to replace it. It has to
		// go: every read would guess from it what else to read, and be repeated.
		slot.CompareAndSwap(last, nil)
	}
	return row, err
}

// last are the rows as they were when they were read last, nil unless each is there.
func (c *rowCache[T]) last(ids []events.ID) map[events.ID]*T {
	rows := make(map[events.ID]*T, len(ids))
	for _, id := range ids {
		last := c.slot(id).Load()
		if last == nil || last.id != id {
			return nil
		}
		rows[id] = last.row
	}
	return rows
}

// count is how many rows there are.
func (c *rowCache[T]) count() (rows int) {
	for i := range c.slots {
		if c.slots[i].Load() != nil {
			rows++
		}
	}
	return rows
}

// rowCaches are the caches of all kinds of rows.
type rowCaches struct{ kinds sync.Map }

// rowCacheOf is the cache of rows that are decoded to T.
func rowCacheOf[T any](c *rowCaches) *rowCache[T] {
	kind := any((*T)(nil))
	of, ok := c.kinds.Load(kind)
	if !ok {
		of, _ = c.kinds.LoadOrStore(kind, new(rowCache[T]))
	}
	return of.(*rowCache[T])
}
