package oulad

import (
	"time"

	"sical-backend/events"
	"sical-backend/internal/ids"
)

// namespace keeps these ids apart from any other derivation; a new number gives
// new ids to everything, so it changes with the meaning of the keys only.
const namespace = "sical oulad 1\n"

// epoch is day 0 of the earliest presentation. It stands in the ids of people,
// who belong to no presentation.
var epoch = time.Date(2013, time.February, 1, 0, 0, 0, 0, time.UTC)

// derived makes an id of a natural key. Both at and the key come from the thing's
// own line and its presentation, so that some students' lines give the same ids
// as everyone's; only identical lines are numbered.
func derived(at time.Time, key string, args ...any) events.ID {
	return ids.Derive(namespace, at, key, args...)
}
