package eventlog

import (
	"context"

	"sical-backend/events"
)

// Recent says which of the newest events are wanted.
type Recent struct {
	Type   string        // that the type begins with; "" for any
	Stream events.Stream // "" for those of all streams
	After  uint64        // a position; where a stream is named, all of it is looked at
	Limit  int
}

// Latest returns the newest events that are asked for, the newest first, as they
// are stored. Without a stream no more is looked at than what stands after After.
func (r Reader) Latest(ctx context.Context, want Recent) ([]events.Event, error) {
	if want.Stream != "" {
		rows, err := r.pool.Query(ctx, `-- page events
			select `+columns+` from sical.events where stream = $1 and starts_with(type, $2) order by version desc limit $3`,
			string(want.Stream), want.Type, want.Limit)
		if err != nil {
			return nil, err
		}
		return collect(rows)
	}
	rows, err := r.pool.Query(ctx, `-- page events
		select `+columns+` from sical.events where position > $1 and starts_with(type, $2) order by position desc limit $3`,
		int64(want.After), want.Type, want.Limit)
	if err != nil {
		return nil, err
	}
	return collect(rows)
}
