package dispatch

import (
	"context"

	"sical-backend/command"
	"sical-backend/events"
)

// Account finds the user who has a username or an e-mail address; the zero ID
// where nobody has.
func (d *Dispatcher) Account(ctx context.Context, c command.Claim) (events.ID, error) {
	stream, err := d.log.Claimed(ctx, d.vault.Hash(c.Kind, c.Value))
	if err != nil || stream == "" {
		return events.ID{}, err
	}
	return stream.ID(), nil
}

// Standing is a user's role and status by the log itself, "" for someone who is
// not there.
func (d *Dispatcher) Standing(ctx context.Context, user events.ID) (events.Role, events.UserStatus, error) {
	stream := events.StreamOf(events.KindUser, user)
	loaded, err := d.log.Load(ctx, stream)
	if err != nil {
		return "", "", err
	}
	role, status := command.Standing(fold(stream, known{}, loaded[stream]).state)
	return role, status, nil
}
