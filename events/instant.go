package events

import "time"

var (
	firstInstant = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	lastInstant  = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
)

// Writable is t, or the nearest instant that everybody can write and read: RFC 3339
// and JSON end with the year 9999, and Postgres knows no day of the year 0. The log
// takes and tells no other, as a single one would stop whoever renders its event.
func Writable(t time.Time) time.Time {
	switch {
	case t.Before(firstInstant):
		return firstInstant
	case t.After(lastInstant):
		return lastInstant
	}
	return t
}
