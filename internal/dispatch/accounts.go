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
	state, err := d.user(ctx, user)
	role, status := command.Standing(state)
	return role, status, err
}

// Password tells which password a user has by the log itself, as command.PasswordOf
// does, 0 for someone who is not there.
func (d *Dispatcher) Password(ctx context.Context, user events.ID) (int, error) {
	state, err := d.user(ctx, user)
	return command.PasswordOf(state), err
}

// user is somebody's state.
func (d *Dispatcher) user(ctx context.Context, user events.ID) (any, error) {
	stream := events.StreamOf(events.KindUser, user)
	folded, err := d.fold(ctx, stream)
	return folded[stream].state, err
}
