package auth

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// process is everything one process of the installation would have.
type process struct {
	pool        *pgxpool.Pool
	revocations *Revocations
	sessions    *Sessions
	verifier    *Verifier
}

// newProcess joins the installation that has this database and these keys.
func newProcess(t testing.TB, url string, keys *Keyring) *process {
	t.Helper()
	p := &process{pool: connect(t, url)}
	var err error
	p.revocations, err = StartRevocations(t.Context(), p.pool, slog.New(slog.DiscardHandler), time.Now)
	require.NoError(t, err)
	t.Cleanup(p.revocations.Close)
	signer, err := NewSigner(keys, "iss", "aud", time.Now)
	require.NoError(t, err)
	p.sessions = NewSessions(p.pool, signer, p.revocations)
	p.verifier = NewVerifier(keys, "iss", "aud", p.revocations, time.Now)
	return p
}

func newKeys(t testing.TB) *Keyring {
	t.Helper()
	keys, err := OpenKeyring(t.TempDir())
	require.NoError(t, err)
	return keys
}

func oneProcess(t testing.TB) *process {
	t.Helper()
	return newProcess(t, database(t), newKeys(t))
}

// login opens a session as the API does after the password was right.
func (p *process) login(t testing.TB, user uuid.UUID) Tokens {
	t.Helper()
	c, err := p.sessions.Credential(t.Context(), user)
	require.NoError(t, err)
	tokens, err := p.sessions.Open(t.Context(), user, "learner", c.Generation)
	require.NoError(t, err)
	return tokens
}

func (p *process) refresh(ctx context.Context, token string) (Tokens, error) {
	return p.sessions.Refresh(ctx, token, activeAs("learner"))
}

func (p *process) verify(token string) error {
	_, err := p.verifier.Verify(token)
	return err
}

func (p *process) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	_, err := p.pool.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// age makes every use of a refresh token a minute older than it is.
func (p *process) age(t testing.TB) {
	t.Helper()
	p.exec(t, `update sical.refresh_token set used_at = used_at - interval '1 minute'`)
}

func activeAs(role string) func(context.Context, uuid.UUID) (string, bool, error) {
	return func(context.Context, uuid.UUID) (string, bool, error) { return role, true, nil }
}
