package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/auth"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/telemetry"
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
	known := []string{string(events.Learner), string(events.Curator), string(events.Moderator), string(events.Admin)}
	if t.Role != "" && !slices.Contains(known, t.Role) {
		return fmt.Errorf("--role: one of %s is expected, not %q", strings.Join(known, ", "), t.Role)
	}
	if t.TTL < time.Second || t.TTL > auth.MaxLifetime {
		return fmt.Errorf("--ttl: a token lives from 1s to 1h, not %v", t.TTL)
	}
	return nil
}

// Run prints the token.
func (t *Token) Run(ctx context.Context, a *App, out *output) error {
	if err := a.joinOrRevive(ctx); err != nil {
		return err
	}
	p, err := a.pool(ctx, postgres.RoleCommand, min(a.MaxConns, 4), eventlog.Plans())
	if err != nil {
		return err
	}
	v, err := a.vault(ctx, p)
	if err != nil {
		return err
	}
	log := eventlog.Open(eventlog.Config{Pool: p, Vault: v, Logger: a.logger, Meter: telemetry.NewLog(a.registry)})
	a.onClose(log.Close)
	d := dispatch.New(log, v)
	sessions, signer, err := a.sessions(ctx, p, p, v)
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
	case status != events.UserStatusActive:
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

func (t *Token) find(ctx context.Context, d *dispatch.Dispatcher) (events.ID, error) {
	if t.User != "" {
		return uuid.Parse(t.User)
	}
	user, err := d.Account(ctx, command.UsernameClaim(t.Username))
	if err == nil && user == uuid.Nil {
		err = fmt.Errorf("nobody is named %s; register first: POST /v1/users", t.Username)
	}
	return user, err
}
