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
			return "learner", true, p.endAll(ctx, id, uuid.Nil)
		})
	require.ErrorIs(t, err, ErrRefresh)
}

func TestConcurrentRefreshesGiveTheSame(t *testing.T) {
	t.Parallel()
	url, keys := newDatabase(t).URL("sical_command"), newKeys(t)
	processes := []*process{newProcess(t, url, keys), newProcess(t, url, keys)}
	first := processes[0].login(t, uuid.New())
	given := make([]Tokens, 8)
	errs := make([]error, len(given))
	var tries sync.WaitGroup
	for i := range given {
		tries.Go(func() { given[i], errs[i] = processes[i%2].refresh(t.Context(), first.Refresh) })
	}
	tries.Wait()
	for i, tokens := range given {
		require.NoError(t, errs[i])
		require.Equal(t, given[0].Refresh, tokens.Refresh)
		require.NoError(t, processes[1].verify(tokens.Access))
	}
}

// Whoever did not get the answer may ask again, until the next token is used.
func TestALostAnswerIsGivenAgain(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	user := uuid.New()
	first := p.login(t, user)
	second, err := p.refresh(t.Context(), first.Refresh)
	require.NoError(t, err)
	p.exec(t, `update sical.refresh_token set used_at = used_at - interval '3 seconds'`)
	again, err := p.refresh(t.Context(), first.Refresh)
	require.NoError(t, err)
	require.Equal(t, second.Refresh, again.Refresh)
	require.NoError(t, p.verify(again.Access))
	_, err = p.sessions.Refresh(t.Context(), first.Refresh,
		func(context.Context, uuid.UUID) (string, bool, error) { return "learner", false, nil })
	require.ErrorIs(t, err, ErrRefresh, "suspended")

	third, err := p.refresh(t.Context(), again.Refresh)
	require.NoError(t, err)
	require.Positive(t, p.sessions.sameTime, "two tabs of a browser may ask at once")
	_, err = p.refresh(t.Context(), first.Refresh)
	require.ErrorIs(t, err, ErrReuse, "its successor was used")
	require.ErrorIs(t, p.verify(third.Access), ErrRevoked)
	_, err = p.refresh(t.Context(), third.Refresh)
	require.ErrorIs(t, err, ErrRefresh)
}

// Nor does it matter to that which key signs: to change it takes its time from process to process.
func TestALostAnswerIsGivenAgainByWhoSignsWithAnother(t *testing.T) {
	t.Parallel()
	url := newDatabase(t).URL("sical_command")
	before, after := newProcess(t, url, newKeys(t)), newProcess(t, url, newKeys(t))
	first := before.login(t, uuid.New())
	second, err := before.refresh(t.Context(), first.Refresh)
	require.NoError(t, err)
	before.exec(t, `update sical.refresh_token set used_at = used_at - interval '3 seconds'`)
	again, err := after.refresh(t.Context(), first.Refresh)
	require.NoError(t, err)
	require.Equal(t, second.Refresh, again.Refresh)
}

// A tab that is a moment late ends nothing.
func TestALateTabEndsNothing(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	p.sessions.sameTime = time.Hour // however busy the machine
	first := p.login(t, uuid.New())
	second, err := p.refresh(t.Context(), first.Refresh)
	require.NoError(t, err)
	third, err := p.refresh(t.Context(), second.Refresh)
	require.NoError(t, err)
	_, err = p.refresh(t.Context(), first.Refresh)
	require.ErrorIs(t, err, ErrRefresh)
	require.NoError(t, p.verify(third.Access))
	p.sessions.sameTime = 0
	_, err = p.refresh(t.Context(), first.Refresh)
	require.ErrorIs(t, err, ErrReuse)
}

// What has ended meanwhile is not given again.
func TestALostAnswerOfWhatHasEnded(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	p.sessions.sameTime = time.Hour // however busy the machine
	for _, end := range []func(Tokens, uuid.UUID) error{
		func(tokens Tokens, _ uuid.UUID) error { return p.sessions.End(t.Context(), tokens.Session) },
		func(_ Tokens, user uuid.UUID) error { return p.endAll(t.Context(), user, uuid.Nil) },
		func(tokens Tokens, _ uuid.UUID) error {
			_, err := p.pool.Exec(t.Context(), `update sical.session set expires_at = clock_timestamp() where id = $1`, tokens.Session)
			return err
		},
	} {
		user := uuid.New()
		first := p.login(t, user)
		_, err := p.refresh(t.Context(), first.Refresh)
		require.NoError(t, err)
		require.NoError(t, end(first, user))
		_, err = p.refresh(t.Context(), first.Refresh)
		require.ErrorIs(t, err, ErrRefresh)
	}
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
