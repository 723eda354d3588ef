package auth

import (
	"context"

	"github.com/google/uuid"
)

// Statements for the transaction that appends the event they belong to.
const (
	// PutCredentialSQL sets the password hash $2 of user $1.
	PutCredentialSQL = `
		insert into sical.credential (user_id, password_hash) values ($1, $2)
		on conflict (user_id) do update
		set password_hash = excluded.password_hash, changed_at = excluded.changed_at`
	// DeleteCredentialSQL removes the password of user $1, who is being erased.
	DeleteCredentialSQL = `delete from sical.credential where user_id = $1`
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
	err = s.pool.QueryRow(ctx, `
		select coalesce((select password_hash from sical.credential where user_id = $1), ''),
			coalesce((select generation from sical.session_generation where user_id = $1), 0)`, user).
		Scan(&c.PasswordHash, &c.Generation)
	return c, err
}
