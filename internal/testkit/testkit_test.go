package testkit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { Main(m) }

func withTable(adminURL string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, adminURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, `create role reader login; create table note (text text); grant select on note to reader`)
	return err
}

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			db := Database(t, withTable)
			conn := connect(t, db.AdminURL)
			_, err := conn.Exec(t.Context(), `insert into note values ('one')`)
			require.NoError(t, err)
			var notes int
			require.NoError(t, connect(t, db.URL("reader")).QueryRow(t.Context(), `select count(*) from note`).Scan(&notes))
			require.Equal(t, 1, notes)
			_, err = connect(t, db.URL("reader")).Exec(t.Context(), `insert into note values ('two')`)
			require.ErrorContains(t, err, "permission denied")
		})
	}
}

// The sequence counts the tries: what it gave out is not taken back with a refused one.
func TestDatabaseInUseIsAskedForAgain(t *testing.T) {
	t.Parallel()
	s := Postgres(t)
	refuse := func(code string, times int) error {
		return s.exec(fmt.Sprintf(`do $$ begin
			if nextval('tries') <= %d then raise sqlstate '%s'; end if;
		end $$`, times, code))
	}
	require.NoError(t, s.exec(`create sequence tries`))
	require.NoError(t, refuse(objectInUse, 3))
	require.NoError(t, s.exec(`alter sequence tries restart`))
	require.Error(t, refuse("42P04", 1), "another refusal is final")
	require.NoError(t, s.exec(`drop sequence tries`))
}

func TestOnlyTheDurableServerSyncs(t *testing.T) {
	t.Parallel()
	for want, db := range map[string]*DB{"off": Database(t, nil), "on": DurablePostgres(t).Database(t, nil)} {
		var fsync, commit string
		conn := connect(t, db.AdminURL)
		require.NoError(t, conn.QueryRow(t.Context(), `select current_setting('fsync'), current_setting('synchronous_commit')`).Scan(&fsync, &commit))
		require.Equal(t, []string{want, want}, []string{fsync, commit})
	}
}

func TestBusKeepsItsStore(t *testing.T) {
	t.Parallel()
	bus := NATS(t)
	js := JetStream(t, bus.Connect())
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "notes", Subjects: []string{"notes"}})
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "notes", []byte("one"))
	require.NoError(t, err)
	before := bus.URL
	bus.Stop()
	bus.Start()
	require.Equal(t, before, bus.URL)
	js = JetStream(t, bus.Connect()) // who was connected before may not have noticed yet
	Eventually(t, func() error {
		stream, err := js.Stream(t.Context(), "notes")
		if err == nil && stream.CachedInfo().State.Msgs != 1 {
			err = errors.New("the message is gone")
		}
		return err
	})
}

func TestPollGivesTheLastReason(t *testing.T) {
	t.Parallel()
	calls := 0
	err := poll(0, func() error { calls++; return fmt.Errorf("reason %d", calls) })
	require.EqualError(t, err, "reason 1")
	require.NoError(t, poll(patience, func() error {
		if calls++; calls < 4 {
			return errors.New("not yet")
		}
		return nil
	}))
}

// What a test process is lent, no other is while it runs: not even of a server that is
// stopped. A block is a listener, so a second holder in here stands for another process.
func TestPortsAreLentOnce(t *testing.T) {
	t.Parallel()
	Port(t)
	ports.Lock()
	held := ports.held[0].Addr().(*net.TCPAddr).Port
	ports.Unlock()
	_, err := listen(held)
	require.ErrorIs(t, err, syscall.EADDRINUSE)

	lent := map[int]bool{}
	t.Run("each to one", func(t *testing.T) {
		for range 2 * blockPorts { // more than one block has
			port := Port(t)
			require.False(t, lent[port], port)
			lent[port] = true
		}
	})
}
