package command

import (
	"fmt"

	"sical-backend/events"
)

const maxList = 1_000 // entries of a list of ids

// distinct checks a list of ids: bounded and without repetition.
func distinct(pointer string, ids []events.ID) error {
	if len(ids) > maxList {
		return broken("too_many", pointer, "At most %d entries are allowed.", maxList)
	}
	seen := make(map[events.ID]bool, len(ids))
	for i, id := range ids {
		if seen[id] {
			return broken("repeated", fmt.Sprintf("%s/%d", pointer, i), "An entry stands twice.")
		}
		seen[id] = true
	}
	return nil
}

// living relies on every one of a list of aggregates.
func living(k events.Kind, pointer string, ids []events.ID) []Reference {
	live := make([]Reference, len(ids))
	for i, id := range ids {
		live[i] = Reference{Stream: events.StreamOf(k, id), Pointer: fmt.Sprintf("%s/%d", pointer, i)}
	}
	return live
}
