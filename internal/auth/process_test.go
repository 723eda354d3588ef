package auth

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func migrated(adminURL string) error {
	_, err := postgres.Migrate(context.Background(), adminURL)
	return err
}

func newDatabase(t testing.TB) *testkit.DB {
	t.Helper()
	return testkit.Database(t, migrated)
}

// putCredentialSQL is what the event log's append does for a new password.
const putCredentialSQL = `
	insert into sical.credential (user_id, password_hash) values ($1, $2)
	on conflict (user_id) do update set password_hash = excluded.password_hash`

// endSessionsSQL is what the event log's append does to end all sessions of a user, or all but one.
const endSessionsSQL = `select spared from sical.end_sessions($1, $2)`

// connect closes the pool before the database is dropped: cleanups run in
// reverse order.
func connect(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

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
	p.sessions = NewSessions(p.pool, signer, p.revocations, func(kind, value string) []byte {
		digest := sha256.Sum256([]byte(kind + "\x00 a secret of all processes \x00" + value))
		return digest[:]
	})
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
	return newProcess(t, newDatabase(t).URL("sical_command"), newKeys(t))
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

// endAll ends all sessions of a user but one, or all for uuid.Nil, and knows it at once, as the
// API does after the append.
func (p *process) endAll(ctx context.Context, user, except uuid.UUID) error {
	if _, err := p.pool.Exec(ctx, endSessionsSQL, user, uuid.NullUUID{UUID: except, Valid: except != uuid.Nil}); err != nil {
		return err
	}
	return p.revocations.Poll(ctx)
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
