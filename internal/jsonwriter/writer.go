// Package jsonwriter writes JSON value by value. It is for the few answers that are rendered
// again and again: to write one out takes an eighth of what json.Marshal takes to find its
// way through a struct by reflection.
package jsonwriter

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// Writer writes one JSON text as json.Marshal would, without a space. Commas are its own
// affair; that each object and array which is begun is ended, and has names or not, is its
// user's.
type Writer struct {
	buf   []byte
	start int   // of what is written
	err   error // the first
}

// Behind is a Writer that writes behind what buf holds.
func Behind(buf []byte) *Writer { return &Writer{buf: buf, start: len(buf)} }

// Result is the buffer with what has been written. It fails where a text was no UTF-8.
func (w *Writer) Result() ([]byte, error) { return w.buf, w.err }

var writers = sync.Pool{New: func() any { return new(Writer) }}

// keptMost is the largest buffer that is used again: a page of goals.
const keptMost = 64 << 10

// Render is what write writes, in a slice of its own, of about its size. It fails as Result does.
func Render(write func(*Writer)) ([]byte, error) {
	w := writers.Get().(*Writer)
	w.buf, w.err = w.buf[:0], nil
	write(w)
	text, err := bytes.Clone(w.buf), w.err
	if cap(w.buf) <= keptMost {
		writers.Put(w)
	}
	return text, err
}

func (w *Writer) fail(err error) { w.err = cmp.Or(w.err, err) }

// follow puts a comma behind the value before, if there is one.
func (w *Writer) follow() {
	if len(w.buf) == w.start {
		return
	}
	switch w.buf[len(w.buf)-1] {
	case '{', '[', ':': // no value ends so
	default:
		w.buf = append(w.buf, ',')
	}
}

// Begin begins an object or an array, by its bracket.
func (w *Writer) Begin(bracket byte) {
	w.follow()
	w.buf = append(w.buf, bracket)
}

// End ends one by its other bracket.
func (w *Writer) End(bracket byte) { w.buf = append(w.buf, bracket) }

// Name begins a member of an object, whose value follows. It is written as it is: it must
// be a name that JSON has nothing to escape in.
func (w *Writer) Name(name string) *Writer {
	w.follow()
	w.buf = append(append(append(w.buf, '"'), name...), '"', ':')
	return w
}

// Text writes a string.
func (w *Writer) Text(s string) {
	w.follow()
	buf, err := jsontext.AppendQuote(w.buf, s)
	w.buf = buf
	w.fail(err)
}

// Optional writes a member that is left out where its text is empty, as omitempty says.
func (w *Writer) Optional(name, s string) {
	if s != "" {
		w.Name(name).Text(s)
	}
}

// ID writes a UUID in its usual form, as RFC 9562 has it.
func (w *Writer) ID(id uuid.UUID) {
	w.follow()
	b := append(w.buf, '"')
	from := 0
	for _, to := range [...]int{4, 6, 8, 10} {
		b = append(hex.AppendEncode(b, id[from:to]), '-')
		from = to
	}
	w.buf = append(hex.AppendEncode(b, id[from:]), '"')
}

// Int writes a number.
func (w *Writer) Int(n int) {
	w.follow()
	w.buf = strconv.AppendInt(w.buf, int64(n), 10)
}

// Bool writes true or false.
func (w *Writer) Bool(b bool) {
	w.follow()
	w.buf = strconv.AppendBool(w.buf, b)
}

// Null writes null.
func (w *Writer) Null() { w.Raw([]byte("null")) }

// Time writes an instant as RFC 3339 does, to the nanosecond where it has any.
func (w *Writer) Time(t time.Time) {
	w.follow()
	w.buf = append(t.AppendFormat(append(w.buf, '"'), time.RFC3339Nano), '"')
}

// OptionalTime writes a member that is left out where there is no instant.
func (w *Writer) OptionalTime(name string, t *time.Time) {
	if t != nil {
		w.Name(name).Time(*t)
	}
}

// Value writes what json.Marshal makes of v.
func (w *Writer) Value(v any) {
	value, err := json.Marshal(v)
	w.fail(err)
	w.Raw(value)
}

var errEmpty = errors.New("jsonwriter: there is no value")

// Raw writes a value that is JSON already, which it relies on.
func (w *Writer) Raw(value []byte) {
	if len(value) == 0 {
		w.fail(errEmpty)
	}
	w.follow()
	w.buf = append(w.buf, value...)
}
