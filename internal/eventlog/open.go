package eventlog

import (
	"context"
	"errors"
	"fmt"

	"sical-backend/events"
	"sical-backend/internal/vault"
)

// open decodes events and opens what is personal in them.
func (l *Log) open(ctx context.Context, list []events.Event) error {
	keys, err := l.vault.Keys(ctx, owners(list)...)
	if err != nil {
		return unreachable(err)
	}
	for i := range list {
		e := &list[i]
		if err := e.Decode(); err != nil {
			return fmt.Errorf("event %d: %w", e.Position, err)
		}
		data, err := events.MapPersonal(e.Data, func(_ string, sealed events.Personal) (events.Personal, error) {
			text, err := keys.Open(e.Owner, sealed)
			if errors.Is(err, vault.ErrForgotten) {
				return "", nil
			}
			return events.Personal(text), err
		})
		if err != nil {
			return fmt.Errorf("event %d: %w", e.Position, err)
		}
		e.Data = data
	}
	return nil
}

// owners lists whose events these are, each once.
func owners(list []events.Event) []events.ID {
	seen := map[events.ID]bool{{}: true}
	var ids []events.ID
	for _, e := range list {
		if !seen[e.Owner] {
			seen[e.Owner] = true
			ids = append(ids, e.Owner)
		}
	}
	return ids
}
