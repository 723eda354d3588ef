package eventlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"sical-backend/events"
)

// Block is a run of stored events, in the binary form of COPY.
type Block struct {
	raw   []byte
	types []string // that were asked for
}

// blockSize is how many bytes of events are handed over at a time.
const blockSize = 128 << 10

// Scan hands over the events of the types between two positions, the first of
// them exclusive, in the log's order and in blocks that belong to the callee. It
// brings only what folds use: no event's id, no metadata, no time of recording.
// It is the quickest way through the log. An error of the callee ends it.
func (r Reader) Scan(ctx context.Context, after, to uint64, types []string, add func(Block) error) error {
	quoted := make([]string, len(types))
	for i, t := range types {
		quoted[i] = "'" + strings.ReplaceAll(t, "'", "''") + "'"
	}
	// COPY takes no parameters.
	sql := fmt.Sprintf(`copy (
		select position, stream, version, type, schema, data, owner, occurred_at from sical.events
		where position > %d and position <= %d and type in (%s) order by position
	) to stdout (format binary)`, after, to, strings.Join(quoted, ", "))
	conn, err := r.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	w := &blocks{add: add, types: types}
	if _, err = conn.Conn().PgConn().CopyTo(ctx, w, sql); err == nil {
		err = w.flush()
	}
	if w.err != nil {
		return w.err // what the writer refused, not how the connection took it
	}
	return err
}

// blocks collects the rows of a COPY, of which each Write brings one.
type blocks struct {
	add     func(Block) error
	types   []string
	begun   bool
	pending []byte
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
	if len(b.pending)+len(row) > blockSize {
		if err := b.flush(); err != nil {
			return 0, err
		}
	}
	if b.pending == nil {
		b.pending = make([]byte, 0, max(blockSize, len(row)))
	}
	b.pending = append(b.pending, row...)
	return n, nil
}

func (b *blocks) flush() error {
	if len(b.pending) > 0 && b.err == nil {
		b.err = b.add(Block{b.pending, b.types})
		b.pending = nil
	}
	return b.err
}

// errCopy says that the server's COPY is not as its manual describes it.
var errCopy = errors.New("eventlog: a binary COPY is not understood")

// scanned is how many columns Scan asks for.
const scanned = 8

// Each calls f with each event of the block, undecoded. The event's Raw is valid
// as long as the block is.
func (b Block) Each(f func(*events.Event) error) error {
	for raw := b.raw; len(raw) > 0; {
		if len(raw) < 2 || binary.BigEndian.Uint16(raw) != scanned {
			return errCopy
		}
		raw = raw[2:]
		var fields [scanned][]byte
		for i := range fields {
			if len(raw) < 4 {
				return errCopy
			}
			size := int(int32(binary.BigEndian.Uint32(raw)))
			if size < 0 || len(raw) < 4+size {
				return errCopy
			}
			fields[i], raw = raw[4:4+size], raw[4+size:]
		}
		e, err := b.event(fields)
		if err != nil {
			return err
		}
		if err := f(&e); err != nil {
			return err
		}
	}
	return nil
}

// epoch is the instant that Postgres counts microseconds from.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func (b Block) event(fields [scanned][]byte) (e events.Event, err error) {
	for i, size := range [scanned]int{0: 8, 2: 4, 4: 2, 6: 16, 7: 8} {
		if size > 0 && len(fields[i]) != size {
			return e, errCopy
		}
	}
	e.Position = binary.BigEndian.Uint64(fields[0])
	e.Stream = events.Stream(fields[1])
	e.Version = int(binary.BigEndian.Uint32(fields[2]))
	for _, t := range b.types { // no copy of the name for each event
		if t == string(fields[3]) {
			e.Type = t
		}
	}
	e.Schema = int(binary.BigEndian.Uint16(fields[4]))
	e.Raw = fields[5]
	copy(e.Owner[:], fields[6])
	e.OccurredAt = time.UnixMicro(int64(binary.BigEndian.Uint64(fields[7])) + epoch).UTC()
	return e, nil
}
