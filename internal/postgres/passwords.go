package postgres

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"
)

// ErrPasswordForm refuses a password that clients prepare before they log in, each in a way of
// its own: pgx by RFC 8265, libpq by RFC 4013.
var ErrPasswordForm = errors.New("the password has characters that can be written in more than one way: take others")

// SetPasswords lets the roles log in with a password, for a server that is reached over TCP.
// The server gets what it keeps of one, not the password: it may write statements to its log,
// and who is no superuser cannot have it keep one out. It fails with ErrPasswordForm before any is set.
func SetPasswords(ctx context.Context, url, password string, roles ...string) error {
	if !norm.NFKC.IsNormalString(password) {
		return ErrPasswordForm
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, role := range roles {
		salt := make([]byte, 16)
		rand.Read(salt)
		kept, err := verifier(password, salt)
		if err == nil {
			_, err = conn.Exec(ctx, fmt.Sprintf("alter role %s password '%s'", pgx.Identifier{role}.Sanitize(), kept))
		}
		if err != nil {
			return fmt.Errorf("password of %s: %w", role, err)
		}
	}
	return nil
}

// iterations is Postgres' own scram_iterations: each login costs as many.
const iterations = 4096

// verifier is what Postgres keeps of a password (RFC 5802, section 3): it lets nobody log in.
func verifier(password string, salt []byte) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	stored := sha256.Sum256(keyed(salted, "Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, b64(salt), b64(stored[:]), b64(keyed(salted, "Server Key"))), nil
}

func keyed(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
