package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

var (
	// ErrRefresh means that a refresh token is unknown, expired, used a moment
	// ago by a request beside this one, or its session or user is no more.
	ErrRefresh = errors.New("refresh token is not valid")
	// ErrReuse means that a refresh token came back after it was used, so that
	// two hold it; the session has been ended.
	ErrReuse = errors.New("refresh token was used before")
)

// newRefreshToken returns 130 random bits and what is stored of them. A plain
// digest is enough: nobody can try out that many.
func newRefreshToken() (token string, hash []byte) {
	token = rand.Text()
	return token, hashToken(token)
}

func hashToken(token string) []byte {
	digest := sha256.Sum256([]byte(token))
	return digest[:]
}

// Refresh gives new tokens for a refresh token and makes that one unusable.
// currentUser is asked for the user's present role and whether they may log in.
// Errors are ErrRefresh, ErrReuse, and those of currentUser and the database.
func (s *Sessions) Refresh(ctx context.Context, token string,
	currentUser func(context.Context, uuid.UUID) (role string, active bool, err error)) (Tokens, error) {
	hash := hashToken(token)
	c, err := s.holder(ctx, hash)
	if err != nil {
		return Tokens{}, err
	}
	var active bool
	if c.Role, active, err = currentUser(ctx, c.User); err != nil {
		return Tokens{}, err
	}
	if !active {
		return Tokens{}, ErrRefresh
	}
	next, nextHash := newRefreshToken()
	if err := s.rotate(ctx, c, hash, nextHash); err != nil {
		return Tokens{}, err
	}
	return s.tokens(c, next)
}

// holder finds whose token it is and ends the session if it was used before.
func (s *Sessions) holder(ctx context.Context, hash []byte) (c Claims, err error) {
	var used, concurrent bool
	err = s.pool.QueryRow(ctx, `-- read refresh_token
		select s.id, s.user_id, s.generation, t.used_at is not null,
			coalesce(t.used_at > clock_timestamp() - $2::interval, false)
		from sical.refresh_token t join sical.session s on s.id = t.session_id
		where t.token_hash = $1`, hash, s.sameTime).
		Scan(&c.Session, &c.User, &c.Generation, &used, &concurrent)
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && concurrent:
		return c, ErrRefresh
	case err == nil && used:
		if err := s.End(ctx, c.Session); err != nil {
			return c, err
		}
		return c, ErrReuse
	}
	return c, err
}

// rotate puts the next token in the place of one that is still unused, if the
// session is alive. The session is locked before the token, in the order in
// which ending a session locks them, so that the two cannot deadlock.
func (s *Sessions) rotate(ctx context.Context, c Claims, hash, next []byte) error {
	rotated, err := s.pool.Exec(ctx, `-- rotate refresh_token
		with alive as materialized (
			select id from sical.session
			where id = $1 and generation = $3 and expires_at > clock_timestamp()
				and generation = coalesce((select generation from sical.session_generation where user_id = $2), 0)
			for key share
		), used as (
			update sical.refresh_token t set used_at = clock_timestamp() from alive
			where t.token_hash = $4 and t.session_id = alive.id and t.used_at is null
			returning t.session_id
		)
		insert into sical.refresh_token (token_hash, session_id) select $5, session_id from used`,
		c.Session, c.User, c.Generation, hash, next)
	if err != nil {
		return err
	}
	if rotated.RowsAffected() == 0 {
		return ErrRefresh
	}
	return nil
}
