package auth

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

func TestALogin(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	user := uuid.New()
	tokens := p.login(t, user)
	require.Equal(t, AccessLifetime, tokens.ExpiresIn)
	c, err := p.verifier.Verify(tokens.Access)
	require.NoError(t, err)
	require.Equal(t, Claims{user, tokens.Session, "learner", 0, c.Expires}, c)

	require.NoError(t, p.sessions.End(t.Context(), tokens.Session))
	require.ErrorIs(t, p.verify(tokens.Access), ErrRevoked, "at once")
	_, err = p.refresh(t.Context(), tokens.Refresh)
	require.ErrorIs(t, err, ErrRefresh)
	require.NoError(t, p.sessions.End(t.Context(), tokens.Session), "again does no harm")
	require.NoError(t, p.verify(p.login(t, user).Access))
}

func TestEndingAllSessionsOfAUser(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	user, other := uuid.New(), p.login(t, uuid.New())
	kept, lost := p.login(t, user), p.login(t, user)
	p.exec(t, endSessionsSQL, uuid.New(), other.Session) // a stranger's session is not one to spare

	require.NoError(t, p.endAll(t.Context(), user, kept.Session))
	require.NoError(t, p.verify(kept.Access))
	require.NoError(t, p.verify(other.Access))
	require.ErrorIs(t, p.verify(lost.Access), ErrRevoked)
	_, err := p.refresh(t.Context(), lost.Refresh)
	require.ErrorIs(t, err, ErrRefresh)
	kept, err = p.refresh(t.Context(), kept.Refresh)
	require.NoError(t, err)
	require.NoError(t, p.verify(kept.Access))

	require.NoError(t, p.endAll(t.Context(), user, lost.Session), "what has ended cannot be spared")
	require.ErrorIs(t, p.verify(kept.Access), ErrRevoked)
	require.ErrorIs(t, p.verify(lost.Access), ErrRevoked)
	require.NoError(t, p.verify(p.login(t, user).Access), "a login in the same instant is a new one")

	_, err = p.refresh(t.Context(), other.Refresh)
	require.NoError(t, err)
	require.NoError(t, p.endAll(t.Context(), user, uuid.Nil))
	var left int
	require.NoError(t, p.pool.QueryRow(t.Context(), `select count(*) from sical.session where user_id = $1`, user).Scan(&left))
	require.Zero(t, left)
}

// A login whose password is being hashed while all sessions end is too late.
func TestAnOvertakenLogin(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	user := uuid.New()
	c, err := p.sessions.Credential(t.Context(), user)
	require.NoError(t, err)
	require.NoError(t, p.endAll(t.Context(), user, uuid.Nil))
	_, err = p.sessions.Open(t.Context(), user, "learner", c.Generation)
	require.ErrorIs(t, err, ErrStale)
}

// A session that was opened unseen while all ended cannot be spared later.
func TestALateSessionIsNotSpared(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	user, late := uuid.New(), uuid.New()
	require.NoError(t, p.endAll(t.Context(), user, uuid.Nil))
	p.exec(t, `insert into sical.session (id, user_id, generation, expires_at)
		values ($1, $2, 0, now() + interval '1 day')`, late, user)
	var spared *uuid.UUID
	require.NoError(t, p.pool.QueryRow(t.Context(),
		endSessionsSQL, user, late).Scan(&spared))
	require.Nil(t, spared)
}

// TestNothingSurvivesTheEnd opens and refreshes sessions while they all end:
// whatever was handed out before the end must be worthless after it.
func TestNothingSurvivesTheEnd(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	user := uuid.New()
	const workers = 8
	handed := make(chan Tokens, 4096)
	var work sync.WaitGroup
	begun := make(chan struct{}, workers)
	for range workers {
		tokens := p.login(t, user)
		handed <- tokens
		work.Go(func() {
			for i := range 40 {
				if i == 3 {
					begun <- struct{}{}
				}
				if opened, err := p.sessions.Open(t.Context(), user, "learner", 0); err == nil {
					handed <- opened
				}
				next, err := p.refresh(t.Context(), tokens.Refresh)
				if err != nil {
					continue
				}
				tokens = next
				handed <- tokens
			}
		})
	}
	for range workers {
		testkit.Receive(t, begun)
	}
	require.NoError(t, p.endAll(t.Context(), user, uuid.Nil))
	work.Wait()
	close(handed)
	require.Greater(t, len(handed), 3*workers)
	for tokens := range handed {
		require.ErrorIs(t, p.verify(tokens.Access), ErrRevoked)
		_, err := p.refresh(t.Context(), tokens.Refresh)
		require.Error(t, err)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	user := uuid.New()
	for _, hash := range []string{"first", "second"} {
		p.exec(t, putCredentialSQL, user, hash)
		c, err := p.sessions.Credential(t.Context(), user)
		require.NoError(t, err)
		require.Equal(t, Credential{PasswordHash: hash}, c)
	}
	p.exec(t, endSessionsSQL, user, nil)
	p.exec(t, `delete from sical.credential where user_id = $1`, user)
	c, err := p.sessions.Credential(t.Context(), user)
	require.NoError(t, err)
	require.Equal(t, Credential{Generation: 1}, c)
	c, err = p.sessions.Credential(t.Context(), uuid.Nil)
	require.NoError(t, err)
	require.Zero(t, c)
}

func TestPrune(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	old, young := p.login(t, uuid.New()), p.login(t, uuid.New())
	p.exec(t, `update sical.session set expires_at = now() where id = $1`, old.Session)
	require.NoError(t, p.endAll(t.Context(), uuid.New(), uuid.Nil))
	p.exec(t, `update sical.revocation set created_at = now() - interval '1 day'`)
	require.NoError(t, p.endAll(t.Context(), uuid.New(), uuid.Nil))

	_, err := p.refresh(t.Context(), old.Refresh)
	require.ErrorIs(t, err, ErrRefresh, "expired, pruned or not")
	require.NoError(t, p.sessions.Prune(t.Context()))
	for sql, want := range map[string]int{
		`select count(*) from sical.session`:       1,
		`select count(*) from sical.refresh_token`: 1,
		`select count(*) from sical.revocation`:    1,
	} {
		var got int
		require.NoError(t, p.pool.QueryRow(t.Context(), sql).Scan(&got))
		require.Equal(t, want, got, sql)
	}
	_, err = p.refresh(t.Context(), young.Refresh)
	require.NoError(t, err)
}

// TestGrants runs each role with what the head of the schema says it needs.
func TestGrants(t *testing.T) {
	t.Parallel()
	db, keys := newDatabase(t), newKeys(t)
	writer := newProcess(t, db.URL("sical_command"), keys)
	reader := newProcess(t, db.URL("sical_query"), keys)
	user := uuid.New()
	writer.exec(t, putCredentialSQL, user, "hash")
	tokens, err := writer.refresh(t.Context(), writer.login(t, user).Refresh)
	require.NoError(t, err)
	require.NoError(t, reader.verify(tokens.Access))
	require.NoError(t, writer.endAll(t.Context(), user, uuid.Nil))
	require.NoError(t, writer.sessions.End(t.Context(), tokens.Session))
	require.NoError(t, writer.sessions.Prune(t.Context()))
	writer.exec(t, `delete from sical.credential where user_id = $1`, user)

	require.NoError(t, reader.revocations.Poll(t.Context()))
	require.ErrorIs(t, reader.verify(tokens.Access), ErrRevoked)
	_, err = reader.sessions.Credential(context.Background(), user)
	require.ErrorContains(t, err, "permission denied")
}
