package query

import (
	"context"
	"errors"

	"sical-backend/events"
	"sical-backend/internal/vault"
)

// open opens texts about one person; ok is false where they are forgotten, and where
// their key does not open, which the vault tells of: they do not spoil others' lists.
func (a *Asker) open(ctx context.Context, owner events.ID, sealed ...events.Personal) (texts []string, ok bool, err error) {
	texts = make([]string, len(sealed))
	for i, s := range sealed {
		texts[i], err = a.opener.Open(ctx, owner, s)
		if errors.Is(err, vault.ErrForgotten) || errors.Is(err, vault.ErrUnopened) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	return texts, true, nil
}
