package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

var (
	// ErrRefresh means that a refresh token is unknown or expired, that of a moment ago
	// where the next one was used already, or that its session or user is no more.
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

// after is the token that follows one: always the same, so that who asks again, as the
// answer was lost or in another tab of the browser, is given the same.
func (s *Sessions) after(token string) (next string, hash []byte) {
	next = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(s.hash("the next refresh token", token))
	return next, hashToken(next)
}

func hashToken(token string) []byte {
	digest := sha256.Sum256([]byte(token))
	return digest[:]
}

// lostAnswer is for how long a used refresh token is good for the same answer once more: the
// longest Retry-After, and a connection's end before it. The next token must be unused
// meanwhile. Rotation is that of RFC 9700, 4.14.2; others call this the reuse interval.
const lostAnswer = 30 * time.Second

// Refresh gives new tokens for a refresh token and makes that one unusable, but for who asks
// once more as the answer was lost.
// currentUser is asked for the user's present role and whether they may log in.
// Errors are ErrRefresh, ErrReuse, and those of currentUser and the database.
func (s *Sessions) Refresh(ctx context.Context, token string,
	currentUser func(context.Context, uuid.UUID) (role string, active bool, err error)) (Tokens, error) {
	hash := hashToken(token)
	next, nextHash := s.after(token)
	c, again, err := s.holder(ctx, hash, nextHash)
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
	if !again {
		rotated, err := s.rotate(ctx, c, hash, nextHash)
		if err == nil && !rotated { // a request beside this one did, or the session has ended
			_, rotated, err = s.holder(ctx, hash, nextHash)
		}
		if err != nil {
			return Tokens{}, err
		}
		if !rotated {
			return Tokens{}, ErrRefresh
		}
	}
	return s.tokens(c, next)
}

// holder finds whose token it is, and whether it was used just now for the next one. It ends
// the session if it was used before.
func (s *Sessions) holder(ctx context.Context, hash, next []byte) (c Claims, again bool, err error) {
	var used, concurrent bool
	err = s.pool.QueryRow(ctx, `-- read refresh_token
		select s.id, s.user_id, s.generation, t.used_at is not null,
			coalesce(t.used_at > clock_timestamp() - $2::interval, false),
			coalesce(t.used_at > clock_timestamp() - $3::interval, false)
				and s.expires_at > clock_timestamp()
				and s.generation = coalesce((select generation from sical.session_generation g where g.user_id = s.user_id), 0)
				and exists (select from sical.refresh_token n where n.token_hash = $4 and n.session_id = s.id and n.used_at is null)
		from sical.refresh_token t join sical.session s on s.id = t.session_id
		where t.token_hash = $1`, hash, s.sameTime, lostAnswer, next).
		Scan(&c.Session, &c.User, &c.Generation, &used, &concurrent, &again)
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && concurrent && !again:
		return c, false, ErrRefresh
	case err == nil && used && !again:
		if err := s.End(ctx, c.Session); err != nil {
			return c, false, err
		}
		return c, false, ErrReuse
	}
	return c, again, err
}

// rotate puts the next token in the place of one that is still unused, if the
// session is alive, and tells whether it did. The session is locked before the token, in the
// order in which ending a session locks them, so that the two cannot deadlock.
func (s *Sessions) rotate(ctx context.Context, c Claims, hash, next []byte) (bool, error) {
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
	return rotated.RowsAffected() > 0, err
}
