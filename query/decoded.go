package query

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"sical-backend/events"
)

const (
	decodedMost    = 1024 // rows of a kind that are remembered
	decodedLongest = 4096 // bytes of such a row, at most; about as many again are its own
)

// decoded remembers what rows were decoded to lately. What outdates an answer is seldom
// all that it is composed of, and many goals share their paths and points: mostly the
// server gives the very bytes that it gave before, and to compare them takes a hundredth
// of decoding them. Nothing can be stale, as it is found by those bytes; what is personal
// in it is sealed, and all of it goes when somebody is erased. The rows are shared: nobody
// may change them.
type decoded[T any] struct {
	slots [decodedMost]atomic.Pointer[decodedRow[T]]
}

type decodedRow[T any] struct {
	id  events.ID
	doc string
	row *T
}

func (d *decoded[T]) slot(id events.ID) *atomic.Pointer[decodedRow[T]] {
	// The last bytes of an id are drawn, whatever its version.
	return &d.slots[binary.BigEndian.Uint32(id[12:])%decodedMost]
}

// of is what doc, the row of the id, decodes to.
func (d *decoded[T]) of(id events.ID, doc []byte, decode func([]byte) (*T, error)) (*T, error) {
	slot := d.slot(id)
	last := slot.Load()
	if last != nil && last.doc == string(doc) {
		return last.row, nil
	}
	row, err := decode(doc)
	switch {
	case err != nil:
	case len(doc) <= decodedLongest:
		slot.Store(&decodedRow[T]{id, string(doc), row})
	case last != nil && last.id == id: // which is this no more, and would be foreseen for ever
		slot.CompareAndSwap(last, nil)
	}
	return row, err
}

// last are the rows as they were when they were read last, nil unless each is remembered.
func (d *decoded[T]) last(ids []events.ID) map[events.ID]*T {
	rows := make(map[events.ID]*T, len(ids))
	for _, id := range ids {
		last := d.slot(id).Load()
		if last == nil || last.id != id {
			return nil
		}
		rows[id] = last.row
	}
	return rows
}

// count is how many rows are remembered.
func (d *decoded[T]) count() (rows int) {
	for i := range d.slots {
		if d.slots[i].Load() != nil {
			rows++
		}
	}
	return rows
}

// remembered is what was decoded lately, of each kind of row.
type remembered struct{ kinds sync.Map }

// decodedAs is what is remembered of rows that are decoded to T.
func decodedAs[T any](r *remembered) *decoded[T] {
	kind := any((*T)(nil))
	d, ok := r.kinds.Load(kind)
	if !ok {
		d, _ = r.kinds.LoadOrStore(kind, new(decoded[T]))
	}
	return d.(*decoded[T])
}

// Forget has no row remembered that was read so far, or is read in a snapshot that stands
// already.
func (a *Asker) Forget() { a.remembered.Store(new(remembered)) }

// Remembered tells how many rows stay decoded.
func (a *Asker) Remembered() (rows int) {
	for _, d := range a.remembered.Load().kinds.Range {
		rows += d.(interface{ count() int }).count()
	}
	return rows
}
