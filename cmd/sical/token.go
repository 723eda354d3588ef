package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/auth"
)

// Token signs an access token with the keys of the data folder. Whoever may read
// those keys may act as anyone: this is how the first admin comes in.
type Token struct {
	User     string        `help:"Id of the user." xor:"who" required:""`
	Username string        `help:"Username of the user." xor:"who" required:""`
	Role     string        `help:"Role to act in, instead of the user's own: learner, curator, moderator or admin."`
	TTL      time.Duration `name:"ttl" help:"How long the token lives, at most 1h." default:"10m"`
}

// Validate refuses what is no id and no role, and a life that no token has.
func (t *Token) Validate() error {
	if _, err := uuid.Parse(t.User); t.User != "" && err != nil {
		return fmt.Errorf("--user: %q is no UUID", t.User)
	}
	roles := []events.Role{events.Learner, events.Curator, events.Moderator, events.Admin}
	if t.Role != "" && !slices.Contains(roles, events.Role(t.Role)) {
		return fmt.Errorf("--role: one of %v is expected, not %q", roles, t.Role)
	}
	if t.TTL < time.Second || t.TTL > auth.MaxLifetime {
		return fmt.Errorf("--ttl: a token lives from 1s to 1h, not %v", t.TTL)
	}
	return nil
}

// Run prints the token.
func (t *Token) Run(ctx context.Context, c *Config, out *output, logger *slog.Logger) error {
	a := newApp(*c, logger)
	defer a.Close()
	if err := a.joinOrStart(ctx); err != nil {
		return err
	}
	d, err := a.startDecider(ctx)
	if err != nil {
		return err
	}
	sessions, signer, err := a.sessions(ctx, d.pool)
	if err != nil {
		return err
	}
	user, err := t.find(ctx, d)
	if err != nil {
		return err
	}
	role, status, err := d.Standing(ctx, user)
	switch {
	case err != nil:
		return err
	case status == "":
		return errors.New("there is no such user")
	case status != events.UserActive:
		return errors.New("this user is suspended")
	}
	if t.Role != "" {
		role = events.Role(t.Role)
	}
	credential, err := sessions.Credential(ctx, user)
	if err != nil {
		return err
	}
	token, err := signer.Sign(auth.Claims{
		User: user, Session: uuid.New(), Role: string(role), Generation: credential.Generation,
	}, t.TTL)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, token)
	return nil
}

func (t *Token) find(ctx context.Context, d *decider) (events.ID, error) {
	if t.User != "" {
		return uuid.Parse(t.User)
	}
	user, err := d.Account(ctx, command.UsernameClaim(t.Username))
	if err == nil && user == uuid.Nil {
		err = fmt.Errorf("nobody is named %s; register first: POST /v1/users", t.Username)
	}
	return user, err
}
