package eventlog

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// A call that the network holds back runs after the retry that took its place: it
// finds its own events and does nothing, though no guard of it would object.
func TestALateCallDoesNothing(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	proxy := testkit.Proxy(t, db.Socket())
	slow, quick := open(t, db.Through(proxy, postgres.RoleCommand)), open(t, db.URL(postgres.RoleCommand))
	require.NoError(t, quick.Append(t.Context(), point("before")))
	user := register("ana")
	require.NoError(t, quick.Append(t.Context(), user))
	b := unchecked(t, slow, user.Subject)
	_, err := slow.call(t.Context(), b, false) // prepared statements and all
	require.NoError(t, err)

	b = unchecked(t, slow, user.Subject)
	b.seen = 2 + uint64(b.events)
	conn, err := slow.pool.Acquire(t.Context())
	require.NoError(t, err)
	held := conn.Conn().PgConn().PID()
	conn.Release()
	proxy.Blackhole(true)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := slow.call(ctx, b, false)
		ended <- err
	}()
	testkit.Eventually(t, func() error {
		if proxy.Held() == 0 {
			return errors.New("the call is not on its way")
		}
		return nil
	})
	cancel()
	require.ErrorIs(t, testkit.Receive(t, ended), context.Canceled)

	a, err := quick.call(t.Context(), b, true)
	require.NoError(t, err)
	require.Equal(t, "appended", a.outcome)
	for range 20 {
		require.NoError(t, quick.Append(t.Context(), point("in between")))
	}
	late, err := quick.call(t.Context(), b, true)
	require.NoError(t, err)
	require.Equal(t, answer{outcome: "already", base: a.base, recorded: a.recorded, heads: a.heads}, late)

	proxy.Blackhole(false)
	gone(t, db, held)
	versions := streamVersions(t, quick, user.Subject)
	require.Equal(t, []int{1, 2, 3, 4}, versions, "two batches of two, each once")
}

// A batch that is tried again finds its events by their streams, and from where they were:
// the lock is not held while all is read that others have appended, or that the streams hold.
func TestTryingAgainReadsLittle(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	admin := asOwner(t, db)
	_, err := admin.Exec(t.Context(), `do $$ begin -- as where a connection is older than five batches
		execute format('alter database %I set plan_cache_mode = force_generic_plan', current_database()); end $$`)
	require.NoError(t, err)
	p := open(t, db.URL(postgres.RoleCommand))
	user := register("ana")
	require.NoError(t, p.Append(t.Context(), user))
	const others = 5000
	_, err = admin.Exec(t.Context(), `
		insert into sical.events
		select e.position + n, gen_random_uuid(), case when n % 2 = 0 then $1 else 'point-' || gen_random_uuid() end,
			case when n % 2 = 0 then n / 2 else 1 end, type, schema, data, metadata, owner, final, occurred_at, recorded_at
		from sical.events e, generate_series(1, $2::int) n where e.position = 1`, events.StreamOf(events.KindStudy, user.Subject), 2*others)
	require.NoError(t, err)
	_, err = admin.Exec(t.Context(), `analyze sical.events`)
	require.NoError(t, err)
	read := func() int { return rowsRead(t, admin, p, "events") }
	long, short := unchecked(t, p, user.Subject), unchecked(t, p, newID())
	long.seen = 2 * others
	for _, try := range []struct {
		b       *batch
		outcome string
	}{{long, "appended"}, {short, "appended"}, {short, "already"}} {
		before := read()
		a, err := p.call(t.Context(), try.b, true)
		require.NoError(t, err)
		require.Equal(t, try.outcome, a.outcome)
		n := read() - before
		require.Positive(t, n)
		require.Less(t, n, others/10, "%s behind %d", try.outcome, try.b.seen)
	}
}

// rowsRead counts the rows of a table that the process has read.
func rowsRead(t *testing.T, admin *pgx.Conn, p *process, table string) (n int) {
	for _, c := range p.pool.AcquireAllIdle(t.Context()) {
		_, err := c.Exec(t.Context(), `select pg_stat_force_next_flush()`)
		require.NoError(t, err)
		c.Release()
	}
	require.NoError(t, admin.QueryRow(t.Context(), `
		select seq_tup_read + idx_tup_fetch from pg_stat_user_tables where schemaname = 'sical' and relname = $1`, table).Scan(&n))
	return n
}

// unchecked is a batch of two events that no guard holds back.
func unchecked(t *testing.T, p *process, who events.ID) *batch {
	s := events.StreamOf(events.KindStudy, who)
	e := &Entry{Subject: who, Stream: s}
	for range 2 {
		e.Events = append(e.Events, NewEvent{Stream: s, Owner: who, Data: &events.Studied{Point: newID(), Amount: 1}, OccurredAt: time.Now()})
	}
	require.NoError(t, p.prepare(t.Context(), e))
	b := newBatch(1)
	require.True(t, b.add(e))
	return b
}

func streamVersions(t *testing.T, p *process, who events.ID) (versions []int) {
	stream := events.StreamOf(events.KindStudy, who)
	for _, e := range loaded(t, p, stream)[stream] {
		versions = append(versions, e.Version)
	}
	return versions
}

// gone waits until a backend has read what came to it through the proxy, the end
// of the connection included.
func gone(t *testing.T, db *testkit.DB, pid uint32) {
	admin := asOwner(t, db)
	testkit.Eventually(t, func() error {
		var there bool
		err := admin.QueryRow(t.Context(), `select exists (select from pg_stat_activity where pid = $1)`, int(pid)).Scan(&there)
		if err == nil && there {
			return errors.New("the backend is still there")
		}
		return err
	})
}
