package postgres

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"unicode"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/rangetable"
)

// SetPasswords lets the roles log in with a password, for a server that is reached over TCP.
// The server gets what it keeps of one, not the password: it may write statements to its log,
// and who is no superuser cannot have it keep one out.
func SetPasswords(ctx context.Context, url, password string, roles ...string) error {
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
	salted, err := pbkdf2.Key(sha256.New, prepared(password), salt, iterations, sha256.Size)
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

// prepared is the form of a password that pgx logs in with (pgconn/auth_scram.go), which the
// services do: two ways to write one é are one, and what is no text stays as it is.
func prepared(password string) string {
	for _, r := range password {
		if !unicode.Is(ancient, r) {
			return password
		}
	}
	if same, err := precis.OpaqueString.String(password); err == nil {
		return same
	}
	return password
}

// ancient are the characters of the oldest Unicode there is a table of. SASLprep, and pgx, go
// by 3.2, which differs in rare scripts.
var ancient = rangetable.Assigned("4.1.0")
