package oulad

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"sical-backend/events"
)

// namespace keeps these ids apart from any other derivation; a new number gives
// new ids to everything, so it changes with the meaning of the keys only.
const namespace = "sical oulad 1\n"

// epoch is day 0 of the earliest presentation. It stands in the ids of people,
// who belong to no presentation.
var epoch = time.Date(2013, time.February, 1, 0, 0, 0, 0, time.UTC)

// derived makes an id of a natural key: version 7 of RFC 9562, its milliseconds
// from at, its other bits the first of SHA-256 over namespace and key. Both at
// and the key come from the thing's own line and its presentation, so that some
// students' lines give the same ids as everyone's; only identical lines are
// numbered.
func derived(at time.Time, key string, args ...any) events.ID {
	sum := sha256.Sum256(fmt.Appendf([]byte(namespace), key, args...))
	var milliseconds [8]byte
	binary.BigEndian.PutUint64(milliseconds[:], uint64(at.UnixMilli()))
	id := events.ID(sum[:16])
	copy(id[:6], milliseconds[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}
