package auth

import (
	"context"

	"github.com/google/uuid"
)

// Credential is what a login of a user is checked against.
type Credential struct {
	PasswordHash string // empty if there is none
	Generation   int64
}

// Credential reads the credential of a user. For one who is not there ask with
// uuid.Nil and let Hasher.Verify see the empty hash: both then take as long as
// for any other.
func (s *Sessions) Credential(ctx context.Context, user uuid.UUID) (c Credential, err error) {
	err = s.pool.QueryRow(ctx, `-- read credential
		select coalesce((select password_hash from sical.credential where user_id = $1), ''),
			coalesce((select generation from sical.session_generation where user_id = $1), 0)`, user).
		Scan(&c.PasswordHash, &c.Generation)
	return c, err
}
