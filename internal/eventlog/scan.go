package eventlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"sical-backend/events"
)

// Block is a run of stored events, in the binary form of COPY. It is spent once Each
// has gone through it.
type Block struct {
	raw   *[]byte
	types []string // that were asked for
}

// blockSize is how many bytes of events are handed over at a time.
const blockSize = 128 << 10

// buffers are those of spent blocks: a scan of the whole log gets by with a few.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, blockSize)
	return &b
}}

// scanStep is how many positions one statement of a Scan goes through. A callee may take hours
// for the log, and as long as a statement lasts the server keeps whatever was current when it
// began: thousands of dead versions of a row that changes all the time, such as a checkpoint.
const scanStep = 50_000

// Scan hands over the events of the types between two positions, the first of
// them exclusive, in the log's order and in blocks that belong to the callee. It
// brings only what folds use: no event's id, no metadata, no time of recording.
// It is the quickest way through the log. An error of the callee ends it. What stands in
// the log by then is all there is up to its head, so that many statements find what one would.
func (r Reader) Scan(ctx context.Context, after, to uint64, types []string, add func(Block) error) error {
	return r.scan(ctx, after, to, scanStep, types, add)
}

func (r Reader) scan(ctx context.Context, after, to, step uint64, types []string, add func(Block) error) error {
	quoted := make([]string, len(types))
	for i, t := range types {
		quoted[i] = "'" + strings.ReplaceAll(t, "'", "''") + "'"
	}
	conn, err := r.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	w := &blocks{add: add, types: types}
	for ; after < to && err == nil; after += step {
		// COPY takes no parameters.
		sql := fmt.Sprintf(`copy (
			select position, stream, version, type, schema, data, owner, occurred_at from sical.events
			where position > %d and position <= %d and type in (%s) order by position
		) to stdout (format binary)`, after, min(after+step, to), strings.Join(quoted, ", "))
		w.begun = false
		_, err = conn.Conn().PgConn().CopyTo(ctx, w, sql)
	}
	if err == nil {
		err = w.flush()
	}
	if w.err != nil {
		return w.err // what the writer refused, not how the connection took it
	}
	return err
}

// blocks collects the rows of COPYs, of which each Write brings one.
type blocks struct {
	add     func(Block) error
	types   []string
	begun   bool // the COPY has told its header
	pending *[]byte
	err     error
}

const copyHeader = 19 // signature, flags and the length of an extension that is empty

func (b *blocks) Write(row []byte) (int, error) {
	n := len(row)
	if !b.begun {
		if len(row) < copyHeader {
			return 0, errCopy
		}
		b.begun, row = true, row[copyHeader:]
	}
	if len(row) == 2 { // the trailer, in place of a number of fields
		return n, nil
	}
	if b.pending != nil && len(*b.pending)+len(row) > blockSize {
		if err := b.flush(); err != nil {
			return 0, err
		}
	}
	if b.pending == nil {
		b.pending = buffers.Get().(*[]byte)
		*b.pending = (*b.pending)[:0]
	}
	*b.pending = append(*b.pending, row...)
	return n, nil
}

func (b *blocks) flush() error {
	if b.pending != nil && b.err == nil {
		b.err = b.add(Block{b.pending, b.types})
		b.pending = nil
	}
	return b.err
}

// errCopy says that the server's COPY is not as its manual describes it.
var errCopy = errors.New("eventlog: a binary COPY is not understood")

// scanned is how many columns Scan asks for.
const scanned = 8

// Each calls f with each event of the block, undecoded, and can be called once. The
// event and its Raw are valid until f returns, what else it holds for ever.
func (b Block) Each(f func(*events.Event) error) error {
	defer buffers.Put(b.raw)
	raw := *b.raw
	text := string(raw) // the names of all streams, in one piece
	var e events.Event
	for at := 0; at < len(raw); {
		if len(raw) < at+2 || binary.BigEndian.Uint16(raw[at:]) != scanned {
			return errCopy
		}
		at += 2
		var fields [scanned]span
		for i := range fields {
			if len(raw) < at+4 {
				return errCopy
			}
			size := int(int32(binary.BigEndian.Uint32(raw[at:])))
			at += 4
			if size < 0 || len(raw) < at+size || fixed[i] != 0 && size != fixed[i] {
				return errCopy
			}
			fields[i] = span{at, at + size}
			at += size
		}
		e = events.Event{Stream: events.Stream(text[fields[1].from:fields[1].to])}
		b.fill(&e, raw, fields)
		if err := f(&e); err != nil {
			return err
		}
	}
	return nil
}

// span is where a field stands in a block.
type span struct{ from, to int }

// fixed is the size of those fields that have one.
var fixed = [scanned]int{0: 8, 2: 4, 4: 2, 6: 16, 7: 8}

// epoch is the instant that Postgres counts microseconds from.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func (b Block) fill(e *events.Event, raw []byte, fields [scanned]span) {
	field := func(i int) []byte { return raw[fields[i].from:fields[i].to] }
	e.Position = binary.BigEndian.Uint64(field(0))
	e.Version = int(binary.BigEndian.Uint32(field(2)))
	for _, t := range b.types { // no copy of the name for each event
		if t == string(field(3)) {
			e.Type = t
		}
	}
	e.Schema = int(binary.BigEndian.Uint16(field(4)))
	e.Raw = field(5)
	copy(e.Owner[:], field(6))
	e.OccurredAt = events.Writable(time.UnixMicro(int64(binary.BigEndian.Uint64(field(7))) + epoch).UTC())
}
