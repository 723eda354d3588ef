package eventlog

import (
	"context"
	"errors"
	"maps"

	"sical-backend/events"
	"sical-backend/internal/vault"
)

// unsealAll decodes events and opens what is personal in them; text of someone forgotten is
// empty. It fails with an EventError.
func unsealAll(list []events.Event, keys vault.Keys) error {
	for i := range list {
		e := &list[i]
		if err := e.Decode(); err != nil {
			return EventError{e.Position, e.Stream, err}
		}
		data, err := events.MapPersonal(e.Data, func(_ string, sealed events.Personal) (events.Personal, error) {
			text, err := keys.Open(e.Owner, sealed)
			if errors.Is(err, vault.ErrForgotten) {
				return "", nil
			}
			return events.Personal(text), err
		})
		if err != nil {
			return EventError{e.Position, e.Stream, err}
		}
		e.Data = data
	}
	return nil
}

// lacking adds to keys those of the events' owners that are in memory, and lists whose
// are not.
func (l *Log) lacking(keys vault.Keys, list []events.Event) []events.ID {
	found, missing := l.vault.Remembered(owners(list, keys))
	maps.Copy(keys, found)
	return missing
}

// complete adds to keys those of all the events' owners: nil for who has none.
func (l *Log) complete(ctx context.Context, keys vault.Keys, list []events.Event) error {
	missing := l.lacking(keys, list)
	if len(missing) == 0 {
		return nil
	}
	fetched, err := l.vault.Keys(ctx, missing...)
	if err != nil {
		return unreachable(err)
	}
	for _, id := range missing {
		keys[id] = fetched[id]
	}
	return nil
}

// owners lists the owners of the events, each once, without those that are in keys.
func owners(list []events.Event, keys vault.Keys) []events.ID {
	seen := map[events.ID]bool{{}: true}
	var ids []events.ID
	for _, e := range list {
		if _, told := keys[e.Owner]; !told && !seen[e.Owner] {
			seen[e.Owner] = true
			ids = append(ids, e.Owner)
		}
	}
	return ids
}
