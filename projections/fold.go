package projections

import "sical-backend/events"

// ownStream touches the row named by the event's stream, for one kind of stream.
func ownStream(k events.Kind) func(events.Event) []Key {
	return func(e events.Event) []Key {
		if e.Stream.Kind() != k {
			return nil
		}
		return []Key{Of(e.Stream.ID())}
	}
}

func names(list ...string) []string { return list }

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

// Count names the sum of rows in a scope with a given status and category;
// "" stands for any.
func Count(scope, status, category string) string {
	return scope + "\x1f" + status + "\x1f" + category
}

// counts adds one to every sum that a row with this status and category is in.
func counts(scope, status, category string) []Total {
	totals := []Total{{Count(scope, "", ""), 1}, {Count(scope, status, ""), 1}}
	if category != "" {
		totals = append(totals, Total{Count(scope, "", category), 1}, Total{Count(scope, status, category), 1})
	}
	return totals
}
