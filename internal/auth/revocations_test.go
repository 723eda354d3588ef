package auth

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// A poll a second, none of which takes longer than three: that makes the five
// seconds of the promise, bar a machine that is too busy to keep any.
func TestAnEndIsSeenElsewhereWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, pollEvery+pollTimeout, 5*time.Second)
	url, keys := newDatabase(t).URL("sical_command"), newKeys(t)
	here, there := newProcess(t, url, keys), newProcess(t, url, keys)
	user := uuid.New()
	single, kept, lost := here.login(t, uuid.New()), here.login(t, user), here.login(t, user)
	for _, tokens := range []Tokens{single, kept, lost} {
		require.NoError(t, there.verify(tokens.Access)) // and is cached there now
	}
	require.NoError(t, here.sessions.End(t.Context(), single.Session))
	require.NoError(t, here.endAll(t.Context(), user, kept.Session))
	require.Eventually(t, func() bool {
		return there.verify(single.Access) != nil && there.verify(lost.Access) != nil
	}, time.Minute, 20*time.Millisecond)
	require.ErrorIs(t, there.verify(single.Access), ErrRevoked)
	require.ErrorIs(t, there.verify(lost.Access), ErrRevoked)
	for _, twin := range trailingBitTwins(lost.Access) {
		require.Error(t, there.verify(twin))
	}
	require.NoError(t, there.verify(kept.Access))

	started := newProcess(t, url, keys)
	require.ErrorIs(t, started.verify(lost.Access), ErrRevoked, "one that starts later knows it at once")
	require.NoError(t, started.verify(kept.Access))
}

// A revocation is dated before it can be seen; those dated later may be seen
// first.
func TestALateCommitIsNotMissed(t *testing.T) {
	t.Parallel()
	url, keys := newDatabase(t).URL("sical_command"), newKeys(t)
	here, there := newProcess(t, url, keys), newProcess(t, url, keys)
	user := uuid.New()
	slow, quick := here.login(t, user), here.login(t, uuid.New())

	tx, err := here.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), endSessionsSQL, user, nil)
	require.NoError(t, err)
	require.NoError(t, here.sessions.End(t.Context(), quick.Session))
	for range 3 {
		require.NoError(t, there.revocations.Poll(t.Context()))
	}
	require.ErrorIs(t, there.verify(quick.Access), ErrRevoked)
	require.NoError(t, there.verify(slow.Access))

	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, there.revocations.Poll(t.Context()))
	require.ErrorIs(t, there.verify(slow.Access), ErrRevoked)
}

// A replica that lags by minutes shows a revocation long after it was dated, and is known
// to lag, however well it answers.
func TestAnEndThatALaggingReplicaShowsLateIsNotMissed(t *testing.T) {
	t.Parallel()
	db, keys := newDatabase(t), newKeys(t)
	owner := connect(t, db.AdminURL)
	_, err := owner.Exec(t.Context(), `create schema replica; grant usage on schema replica to sical_command;
		create function replica.pg_is_in_recovery() returns bool language sql as 'select true';
		create function replica.pg_last_xact_replay_timestamp() returns timestamptz language sql as
			$$select pg_catalog.clock_timestamp() - interval '4 minutes'$$`)
	require.NoError(t, err)
	p := newProcess(t, db.URL("sical_command"), keys)
	replica := newProcess(t, db.URL("sical_command")+"&search_path=replica,pg_catalog", keys)
	tokens := p.login(t, uuid.New())
	require.NoError(t, replica.revocations.Poll(t.Context()))
	_, err = owner.Exec(t.Context(), `insert into sical.revocation (kind, subject, created_at)
		values ('session', $1, clock_timestamp() - interval '3 minutes')`, tokens.Session)
	require.NoError(t, err)
	require.NoError(t, replica.revocations.Poll(t.Context()))
	require.ErrorIs(t, replica.verify(tokens.Access), ErrRevoked)
	require.GreaterOrEqual(t, replica.revocations.Lag(), 4*time.Minute)
	require.Less(t, p.revocations.Lag(), 4*time.Minute, "who reads the primary")
}

func TestARolledBackEndEndsNothing(t *testing.T) {
	t.Parallel()
	p := oneProcess(t)
	user := uuid.New()
	tokens := p.login(t, user)
	tx, err := p.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), endSessionsSQL, user, tokens.Session)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, p.revocations.Poll(t.Context()))
	require.NoError(t, p.verify(tokens.Access))
	_, err = p.refresh(t.Context(), tokens.Refresh)
	require.NoError(t, err)
}

// Whoever holds what an erasure destroys is told of it, wherever that was asked for,
// once, and of no other end of sessions.
func TestAnErasureIsToldEverywhere(t *testing.T) {
	t.Parallel()
	db, keys := newDatabase(t), newKeys(t)
	owner, here, there := connect(t, db.AdminURL), newProcess(t, db.URL("sical_command"), keys), newProcess(t, db.URL("sical_query"), keys)
	there.revocations.Close() // who polls is the test alone
	told := 0
	there.revocations.OnErased(func() { told++ })
	tells := func(want int, when string) {
		t.Helper()
		told = 0
		require.NoError(t, there.revocations.Poll(t.Context()))
		require.Equal(t, want, told, when)
	}
	run := func(sql string, user uuid.UUID) {
		t.Helper()
		_, err := owner.Exec(t.Context(), sql, user)
		require.NoError(t, err)
	}
	erase := func(user uuid.UUID) { // as the log's append does, in one transaction
		run(`with gone as (delete from sical.subject_key where subject = $1) select sical.end_sessions($1, null)`, user)
	}
	ana, bob := uuid.New(), uuid.New()
	for _, user := range []uuid.UUID{ana, bob} {
		run(`insert into sical.subject_key (subject, wrapped) values ($1, '')`, user)
		require.NoError(t, here.endAll(t.Context(), user, uuid.Nil))
		require.NoError(t, here.sessions.End(t.Context(), here.login(t, user).Session))
	}
	tells(0, "they only left")
	erase(ana)
	tells(1, "ana is erased")
	tells(0, "which is known")
	require.NoError(t, here.endAll(t.Context(), ana, uuid.Nil))
	tells(0, "still")

	erase(bob)
	there.revocations.add(revocation{Kind: "user", Subject: bob, Generation: 9, CreatedAt: time.Now()})
	tells(1, "bob is erased, though a later end of his sessions was known before")

	there.revocations.from = there.revocations.from.Add(-keep)
	tells(1, "who was erased so long ago need not be in the table any more")
}

func TestWithoutTheDatabaseItGoesOn(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	p, owner := newProcess(t, db.URL("sical_command"), newKeys(t)), connect(t, db.AdminURL)
	rename := func(from, to string) {
		_, err := owner.Exec(t.Context(), `alter table sical.`+from+` rename to `+to)
		require.NoError(t, err)
	}
	var log testkit.Log
	r, err := StartRevocations(t.Context(), p.pool, log.Logger(), time.Now)
	require.NoError(t, err)
	defer r.Close()
	tokens := p.login(t, uuid.New())
	c, err := p.verifier.Verify(tokens.Access)
	require.NoError(t, err)

	rename("revocation", "away")
	require.Eventually(t, func() bool { return log.Count("level=WARN") == 1 }, time.Minute, 10*time.Millisecond)
	before := r.Lag()
	require.Error(t, r.Poll(t.Context()))
	require.Greater(t, r.Lag(), before)
	require.False(t, r.Revoked(c))
	_, err = StartRevocations(t.Context(), p.pool, slog.Default(), time.Now)
	require.Error(t, err, "one that knows nothing does not start")

	p.exec(t, `insert into sical.away (kind, subject) values ('session', $1)`, tokens.Session)
	worst := r.Lag()
	rename("away", "revocation")
	require.Eventually(t, func() bool { return r.Revoked(c) && log.Count("level=INFO") == 1 && r.Lag() < worst }, time.Minute, 10*time.Millisecond)
	require.Equal(t, 1, log.Count("level=WARN"), "said once, not every second")
}

func TestWhatCannotMatterIsForgotten(t *testing.T) {
	t.Parallel()
	r := &Revocations{sessions: map[uuid.UUID]time.Time{}, users: map[uuid.UUID]userEnd{}}
	session, user := uuid.New(), uuid.New()
	r.add(revocation{Kind: "session", Subject: session, CreatedAt: someTime},
		revocation{Kind: "user", Subject: user, Generation: 2, CreatedAt: someTime},
		revocation{Kind: "user", Subject: user, Generation: 1, CreatedAt: someTime, Spared: &session})
	require.True(t, r.Revoked(Claims{User: user, Session: uuid.New(), Generation: 1}), "the latest counts, whatever the order")
	r.forget(someTime.Add(MaxLifetime + 2*Leeway))
	require.True(t, r.Revoked(Claims{Session: session}))
	require.True(t, r.Revoked(Claims{User: user, Session: uuid.New(), Generation: 1}))
	r.forget(someTime.Add(remember + time.Second))
	require.Empty(t, r.sessions)
	require.Empty(t, r.users)
}

func BenchmarkRevoked(b *testing.B) {
	r := &Revocations{sessions: map[uuid.UUID]time.Time{}, users: map[uuid.UUID]userEnd{}}
	for range 100_000 {
		r.add(revocation{Kind: "session", Subject: uuid.New(), CreatedAt: someTime})
	}
	c := Claims{User: uuid.New(), Session: uuid.New()}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if r.Revoked(c) {
				b.Fail()
			}
		}
	})
}
