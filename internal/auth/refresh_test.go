package auth

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestRefreshTokensRotate(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	user := uuid.New()
	first := p.login(t, user)
	second, err := p.sessions.Refresh(t.Context(), first.Refresh, activeAs("curator"))
	require.NoError(t, err)
	require.NotEqual(t, first.Refresh, second.Refresh)
	require.Equal(t, first.Session, second.Session)
	c, err := p.verifier.Verify(second.Access)
	require.NoError(t, err)
	require.Equal(t, Claims{user, first.Session, "curator", 0, c.Expires}, c, "the role is the present one")

	var stored int
	require.NoError(t, p.pool.QueryRow(t.Context(),
		`select count(*) from sical.refresh_token t where t::text like '%' || $1 || '%'`, second.Refresh).Scan(&stored))
	require.Zero(t, stored, "the token itself is nowhere")
}

func TestAUsedRefreshTokenEndsTheSession(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	user := uuid.New()
	bystander := p.login(t, user)
	first := p.login(t, user)
	second, err := p.refresh(t.Context(), first.Refresh)
	require.NoError(t, err)
	p.age(t)

	_, err = p.refresh(t.Context(), first.Refresh)
	require.ErrorIs(t, err, ErrReuse)
	require.ErrorIs(t, p.verify(second.Access), ErrRevoked)
	_, err = p.refresh(t.Context(), second.Refresh)
	require.ErrorIs(t, err, ErrRefresh)
	require.NoError(t, p.verify(bystander.Access), "other sessions of the user go on")
	_, err = p.refresh(t.Context(), bystander.Refresh)
	require.NoError(t, err)
}

func TestRefreshesThatAreRefused(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	tokens := p.login(t, uuid.New())
	for _, token := range []string{"", "x", newToken(), tokens.Access, tokens.Refresh + " ", tokens.Session.String()} {
		_, err := p.refresh(t.Context(), token)
		require.ErrorIs(t, err, ErrRefresh, token)
	}
	_, err := p.sessions.Refresh(t.Context(), tokens.Refresh,
		func(context.Context, uuid.UUID) (string, bool, error) { return "learner", false, nil })
	require.ErrorIs(t, err, ErrRefresh, "suspended")
	broken := errors.New("cannot load")
	_, err = p.sessions.Refresh(t.Context(), tokens.Refresh,
		func(context.Context, uuid.UUID) (string, bool, error) { return "", false, broken })
	require.ErrorIs(t, err, broken)
	_, err = p.refresh(t.Context(), tokens.Refresh)
	require.NoError(t, err, "none of these has used the token")
}

func newToken() string {
	token, _ := newRefreshToken()
	return token
}

// A user suspended between the question and the rotation gets nothing.
func TestARefreshOvertakenByTheEnd(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	user := uuid.New()
	tokens := p.login(t, user)
	_, err := p.sessions.Refresh(t.Context(), tokens.Refresh,
		func(ctx context.Context, id uuid.UUID) (string, bool, error) {
			return "learner", true, p.sessions.EndAll(ctx, id, uuid.Nil)
		})
	require.ErrorIs(t, err, ErrRefresh)
}

func TestConcurrentRefreshesHaveOneWinner(t *testing.T) {
	t.Parallel()
	url, keys := newDatabase(t).URL("sical_command"), newKeys(t)
	processes := []*process{newProcess(t, url, keys), newProcess(t, url, keys)}
	for _, p := range processes {
		require.Positive(t, p.sessions.sameTime, "two tabs of a browser may ask at once")
		p.sessions.sameTime = time.Hour // however busy the machine
	}
	first := processes[0].login(t, uuid.New())
	results := make(chan error, 8)
	won := make(chan Tokens, cap(results))
	var tries sync.WaitGroup
	for i := range cap(results) {
		tries.Go(func() {
			tokens, err := processes[i%2].refresh(t.Context(), first.Refresh)
			if err == nil {
				won <- tokens
			}
			results <- err
		})
	}
	tries.Wait()
	close(results)
	require.Len(t, won, 1)
	for err := range results {
		if err != nil {
			require.ErrorIs(t, err, ErrRefresh)
		}
	}
	second := <-won
	require.NoError(t, processes[1].verify(second.Access), "the losers have not ended the session")
	third, err := processes[0].refresh(t.Context(), second.Refresh)
	require.NoError(t, err)

	processes[1].sessions.sameTime = 0 // the first use was long ago
	_, err = processes[1].refresh(t.Context(), first.Refresh)
	require.ErrorIs(t, err, ErrReuse)
	_, err = processes[0].refresh(t.Context(), third.Refresh)
	require.ErrorIs(t, err, ErrRefresh)
}

// Refreshing and ending lock the same rows; neither may deadlock.
func TestRefreshAgainstEnd(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	for range 30 {
		tokens := p.login(t, uuid.New())
		var both sync.WaitGroup
		var refreshed, ended error
		both.Go(func() { _, refreshed = p.refresh(t.Context(), tokens.Refresh) })
		both.Go(func() { ended = p.sessions.End(t.Context(), tokens.Session) })
		both.Wait()
		require.NoError(t, ended)
		if refreshed != nil {
			require.ErrorIs(t, refreshed, ErrRefresh)
		}
	}
}
