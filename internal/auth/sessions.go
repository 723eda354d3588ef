package auth

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrStale means that the user's sessions were all ended while this login was
// under way; it has to begin again.
var ErrStale = errors.New("the user's sessions ended meanwhile")

// Tokens is what a login or a refresh gives to the client.
type Tokens struct {
	Session   uuid.UUID
	Access    string
	ExpiresIn time.Duration // of Access
	Refresh   string
}

// Sessions opens, refreshes and ends logins.
type Sessions struct {
	pool        *pgxpool.Pool
	signer      *Signer
	revocations *Revocations

	// sameTime is how close two uses of a refresh token must be to pass for one
	// client that asked twice, such as two tabs of a browser, of which one has used the next
	// token already. The second gets nothing either way; it only does not end the session.
	sameTime time.Duration
	hash     KeyedHash // that the next refresh token is derived with
}

// KeyedHash is the hash of a value of one kind by a key that every process has and that stays,
// whatever becomes of the keys for tokens: 32 bytes.
type KeyedHash func(kind, value string) []byte

// NewSessions returns Sessions whose ends take effect in revocations at once.
func NewSessions(pool *pgxpool.Pool, signer *Signer, revocations *Revocations, hash KeyedHash) *Sessions {
	return &Sessions{pool, signer, revocations, 2 * time.Second, hash}
}

// Open begins a session of a user whose password was right. The generation is
// that of Credential, read before role was looked up: if it has risen since,
// Open returns ErrStale. All other errors are the database's.
func (s *Sessions) Open(ctx context.Context, user uuid.UUID, role string, generation int64) (Tokens, error) {
	session, err := uuid.NewV7()
	if err != nil {
		return Tokens{}, err
	}
	refresh, hash := newRefreshToken()
	opened, err := s.pool.Exec(ctx, `-- open session
		with opened as (
			insert into sical.session (id, user_id, generation, expires_at)
			select $1, $2, $3, clock_timestamp() + $4::interval
			where $3 = coalesce((select generation from sical.session_generation where user_id = $2), 0)
			returning id
		)
		insert into sical.refresh_token (token_hash, session_id) select $5, id from opened`,
		session, user, generation, SessionLifetime, hash)
	if err != nil {
		return Tokens{}, err
	}
	if opened.RowsAffected() == 0 {
		return Tokens{}, ErrStale
	}
	return s.tokens(Claims{User: user, Session: session, Role: role, Generation: generation}, refresh)
}

func (s *Sessions) tokens(c Claims, refresh string) (Tokens, error) {
	access, err := s.signer.Sign(c, AccessLifetime)
	return Tokens{c.Session, access, AccessLifetime, refresh}, err
}

// End ends one session, everywhere. One that has ended already, or was never
// stored because its token was signed for an operator, may be ended too.
func (s *Sessions) End(ctx context.Context, session uuid.UUID) error {
	rows, err := s.pool.Query(ctx, `-- end session
		with ended as (delete from sical.session where id = $1)
		insert into sical.revocation (kind, subject) values ('session', $1)
		returning kind, subject, generation, spared, created_at, false`, session)
	if err != nil {
		return err
	}
	ended, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[revocation])
	if err != nil {
		return err
	}
	s.revocations.add(ended) // known here without waiting for a poll
	return nil
}

// Prune deletes what no longer matters: sessions that have expired, with their
// refresh tokens, and revocations that every process may forget. Once an hour,
// from any process of the command side, is enough. It passes over sessions that
// someone has locked, so that it cannot deadlock with sical.end_sessions.
func (s *Sessions) Prune(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `-- prune session
		with expired as (
			select id from sical.session where expires_at < clock_timestamp()
			for update skip locked
		), pruned as (
			delete from sical.session where id in (select id from expired)
		)
		delete from sical.revocation where created_at < clock_timestamp() - $1::interval`, keep)
	return err
}
