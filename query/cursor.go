package query

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"sical-backend/events"
)

// ErrCursor is returned for a cursor that was not given out for this list.
var ErrCursor = errors.New("the cursor is not one of this list")

// mark is the last row of a page: where in the list's order the next begins.
type mark struct {
	at time.Time
	id events.ID
}

const (
	markSize  = 8 + 16
	checkSize = 6
)

// cursor writes m for the list of that key. The check at its end ties it to the
// list's filters and shows a mangled one; it keeps no secret, as a made-up mark
// only begins the viewer's own list elsewhere.
func (m mark) cursor(list string) string {
	b := make([]byte, 0, markSize+checkSize)
	b = binary.BigEndian.AppendUint64(b, uint64(m.at.UnixMicro()))
	b = append(b, m.id[:]...)
	return base64.RawURLEncoding.EncodeToString(append(b, check(list, b)...))
}

// parseCursor reads what cursor wrote; nil for the empty one. It fails with
// ErrCursor.
func parseCursor(list, cursor string) (*mark, error) {
	if cursor == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	switch {
	case err != nil || len(b) != markSize+checkSize,
		string(check(list, b[:markSize])) != string(b[markSize:]),
		base64.RawURLEncoding.EncodeToString(b) != cursor: // several texts decode alike
		return nil, ErrCursor
	}
	m := mark{time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC(), events.ID(b[8:markSize])}
	if events.Writable(m.at) != m.at { // made up: no row has it, and Postgres may not either
		return nil, ErrCursor
	}
	return &m, nil
}

func check(list string, b []byte) []byte {
	h := sha256.New()
	h.Write(b)
	h.Write([]byte(list))
	return h.Sum(nil)[:checkSize]
}
