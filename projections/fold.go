package projections

import (
	"time"

	"sical-backend/events"
)

// ownStream touches the row named by the event's stream, for one kind of stream.
func ownStream(k events.Kind) func(events.Event) []Key {
	return func(e events.Event) []Key {
		if e.Stream.Kind() != k {
			return nil
		}
		return []Key{KeyOf(e.Stream.ID())}
	}
}

// set takes over a changed value.
func set[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}

// setTo takes over the later half of a change.
func setTo[T any](field *T, c *events.Change[T]) {
	if c != nil {
		*field = c.To
	}
}

// earliest and latest keep the outermost of the instants seen, so that the order in
// which a client delivers its past does not matter. What was seen is changed in place.
func earliest(seen *time.Time, t time.Time) *time.Time {
	if seen == nil {
		return new(t)
	}
	if t.Before(*seen) {
		*seen = t
	}
	return seen
}

func latest(seen *time.Time, t time.Time) *time.Time {
	if seen == nil {
		return new(t)
	}
	if t.After(*seen) {
		*seen = t
	}
	return seen
}
