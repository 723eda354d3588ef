package query

import (
	"context"
	"errors"

	"sical-backend/events"
	"sical-backend/internal/vault"
)

// open opens texts about one person; ok is false where they are forgotten.
func (a *Answerer) open(ctx context.Context, owner events.ID, sealed ...events.Personal) (texts []string, ok bool, err error) {
	keys, err := a.keyring.Opener(ctx, owner)
	if err != nil {
		return nil, false, err
	}
	return opened(keys, owner, sealed...)
}

// opened is open for those who show many people's, whose keys they have fetched at once.
func opened(keys vault.Opener, owner events.ID, sealed ...events.Personal) (texts []string, ok bool, err error) {
	texts = make([]string, len(sealed))
	for i, s := range sealed {
		texts[i], err = keys.Open(owner, s)
		if errors.Is(err, vault.ErrForgotten) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	return texts, true, nil
}
