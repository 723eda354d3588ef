package projections

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"sical-backend/events"
)

// Key names a row: one id, or a pair such as learner and point.
type Key struct{ A, B events.ID }

// KeyOf is the key of a row named by one id.
func KeyOf(id events.ID) Key { return Key{A: id} }

func (k Key) String() string { return string(k.append(make([]byte, 0, 80))) }

// ParseKey reads what String wrote.
func ParseKey(text string) (k Key, err error) {
	a, b, pair := strings.Cut(text, "/")
	if k.A, err = uuid.Parse(a); err == nil && pair {
		k.B, err = uuid.Parse(b)
	}
	if err != nil {
		return k, fmt.Errorf("key %q: %w", text, err)
	}
	return k, nil
}

func (k Key) append(b []byte) []byte {
	b = appendID(b, k.A)
	if k.B != (events.ID{}) {
		b = appendID(append(b, '/'), k.B)
	}
	return b
}

// RowName is the name of a row among all views': what changed is told by it, and what
// depends on a row names it so.
func (v *View) RowName(k Key) string {
	b := append(make([]byte, 0, 128), v.Name...)
	return string(k.append(append(b, '/')))
}

// named is a name that ends with an id, made in one piece: each answer that is read from
// the tables has some.
func named(prefix string, id events.ID) string {
	return string(appendID(append(make([]byte, 0, 64), prefix...), id))
}

// appendID writes an id in the usual form behind b.
func appendID(b []byte, id events.ID) []byte {
	from := 0
	for _, to := range [...]int{4, 6, 8, 10, 16} {
		if from > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, id[from:to])
		from = to
	}
	return b
}
