// Package ids derives ids from the data that is brought in, so that the same
// data gives the same ids whenever and wherever it is read.
package ids

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"sical-backend/events"
)

// Derive makes an id of a natural key, which is formatted as fmt does: version 7
// of RFC 9562, its milliseconds from at, its other bits the first of SHA-256 over
// namespace and key. The namespace keeps sources of data apart.
func Derive(namespace string, at time.Time, key string, args ...any) events.ID {
	sum := sha256.Sum256(fmt.Appendf([]byte(namespace), key, args...))
	var milliseconds [8]byte
	binary.BigEndian.PutUint64(milliseconds[:], uint64(at.UnixMilli()))
	id := events.ID(sum[:16])
	copy(id[:6], milliseconds[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}
