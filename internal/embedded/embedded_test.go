package embedded

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestStartsColdThenWarm(t *testing.T) {
	t.Parallel()
	dir := folder(t, nil)
	o := options(dir)
	o.Settings = nil
	first, err := Start(soon(t), o)
	require.NoError(t, err)
	url := first.Postgres.AdminURL
	require.Equal(t, "sical UTF8 C C", query(t, url,
		`select concat_ws(' ', datname, pg_encoding_to_char(encoding), datcollate, datctype) from pg_database where datname = current_database()`))
	require.Equal(t, "|on|on|off|0700", query(t, url,
		`select concat_ws('|', current_setting('listen_addresses'), current_setting('fsync'), current_setting('synchronous_commit'),
		        current_setting('jit'), current_setting('unix_socket_permissions'))`))
	require.Equal(t, "true", query(t, url,
		`select case when 'lz4' = any(enumvals) then setting = 'lz4' else setting = 'on' end::text from pg_settings where name = 'wal_compression'`))
	execute(t, url, `create table kept as select 'still here' as text`)
	execute(t, url, `create role sical_query login; grant select on kept to sical_query`)
	execute(t, url, `checkpoint`) // a slow disk may take longer for it than a stop does
	require.NoError(t, first.Close(t.Context()))
	require.NoDirExists(t, first.Postgres.launch.host)

	o.Settings = map[string]string{"max_connections": "17"}
	second, err := Start(soon(t), o)
	require.NoError(t, err)
	require.Equal(t, url, second.Postgres.AdminURL, "what connects to it stays the same")
	require.Equal(t, "still here", query(t, second.Postgres.URL("sical_query"), `select text from kept`))
	require.Equal(t, "17", query(t, url, `select current_setting('max_connections')`))
	require.Contains(t, second.Postgres.Source, "PostgreSQL")
	require.NoError(t, second.Close(t.Context()))
}

func TestOnlyTheAccountReachesTheSocket(t *testing.T) {
	t.Parallel()
	o := options(folder(t, nil))
	o.SkipNATS = true
	i, err := Start(soon(t), o)
	require.NoError(t, err)
	defer i.Close(context.Background())
	sockets, err := os.Stat(i.Postgres.launch.host)
	require.NoError(t, err)
	require.Equal(t, os.ModeDir|0o700, sockets.Mode())
	require.NotEqual(t, "0", query(t, i.Postgres.AdminURL, `select count(*)::text from pg_hba_file_rules`))
	require.Equal(t, "0", query(t, i.Postgres.AdminURL, `select count(*)::text from pg_hba_file_rules where type <> 'local'`))
}

func TestKilledProcessLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for name, as := range users(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, as)
			first := startHelper(t, as, dir)
			require.NotZero(t, first.postmaster, &first.errors)
			execute(t, first.url, `create table kept as select 'still here' as text`)
			run, err := ReadRun(dir)
			require.NoError(t, err)
			require.Equal(t, first.cmd.Process.Pid, run.PID)

			require.NoError(t, first.cmd.Process.Kill())
			require.Error(t, first.cmd.Wait())
			_, err = ReadRun(dir)
			require.ErrorIs(t, err, ErrNotRunning)
			second := startHelper(t, as, dir) // at once: the first Postgres may still be ending
			require.NotZero(t, second.postmaster, &second.errors)
			requireGone(t, first.postmaster, dir)
			require.Equal(t, "still here", query(t, second.url, `select text from kept`))
		})
	}
}

func TestKilledDuringInitdb(t *testing.T) {
	t.Parallel()
	dir := killedDuringInitdb(t)
	for clusterIn(t, dir) != "" { // it had come to its end before the signal
		dir = killedDuringInitdb(t)
	}
	halves, err := filepath.Glob(filepath.Join(dir, "pg*.new-*"))
	require.NoError(t, err)
	require.NotEmpty(t, halves, "half a cluster is no data")
	i, err := Start(soon(t), options(dir))
	require.NoError(t, err)
	require.Equal(t, "sical", query(t, i.Postgres.AdminURL, `select current_database()::text`))
	require.NoError(t, i.Close(t.Context()))
}

// killedDuringInitdb kills a process that makes its data folder.
func killedDuringInitdb(t *testing.T) (dir string) {
	dir = folder(t, nil)
	h := launchHelper(t, nil, dir)
	for end := time.Now().Add(time.Minute); ; { // nothing signals that initdb is at work
		require.True(t, time.Now().Before(end), "initdb does not begin")
		halves, err := filepath.Glob(filepath.Join(dir, "pg*.new-*", "base"))
		require.NoError(t, err)
		if len(halves) > 0 || clusterIn(t, dir) != "" {
			break
		}
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, h.cmd.Process.Kill())
	require.Error(t, h.cmd.Wait())
	return dir
}

func TestSignalsStopCleanly(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			dir := folder(t, nil)
			h := startHelper(t, nil, dir)
			require.NotZero(t, h.postmaster, &h.errors)
			require.NoError(t, h.cmd.Process.Signal(signal))
			require.NoError(t, h.cmd.Wait(), &h.errors)
			requireGone(t, h.postmaster, dir)
		})
	}
}

func TestSecondStartIsRefused(t *testing.T) {
	t.Parallel()
	dir := folder(t, nil)
	first, err := Start(soon(t), options(dir))
	require.NoError(t, err)
	defer first.Close(context.Background())
	second := startHelper(t, nil, dir)
	require.Error(t, second.cmd.Wait())
	require.Regexp(t, `^data folder is in use: process [0-9]+ already runs on /.*\n$`, second.errors.String())
	_, err = Start(soon(t), options(dir))
	require.ErrorIs(t, err, ErrInUse, "nor from the same process")
}

func TestPostgresThatDiesIsReported(t *testing.T) {
	t.Parallel()
	o := options(folder(t, nil))
	o.SkipNATS = true
	i, err := Start(soon(t), o)
	require.NoError(t, err)
	require.NoError(t, i.Postgres.process.cmd.Process.Kill())
	require.ErrorContains(t, <-i.Failed(), "signal: killed")
	require.NoError(t, i.Close(t.Context()))
}

func TestFailedStartSaysWhyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	o := options(folder(t, nil))
	o.Settings = map[string]string{"shared_buffers": "plenty"}
	_, err := Start(soon(t), o)
	require.ErrorContains(t, err, `invalid value for parameter "shared_buffers": "plenty"`)
	i, err := Start(soon(t), options(o.DataDir))
	require.NoError(t, err, "the folder is free again")
	require.NoError(t, i.Close(t.Context()))
}

func TestStartStopsWhenToldTo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := options(folder(t, nil))
	_, err := Start(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	i, err := Start(soon(t), o)
	require.NoError(t, err)
	require.NoError(t, i.Close(t.Context()))
}

// A number in a pid file may by now be any process: here it is this one.
func TestStalePidFileIsNotBelieved(t *testing.T) {
	t.Parallel()
	o := options(folder(t, nil))
	o.SkipNATS = true
	i, err := Start(soon(t), o)
	require.NoError(t, err)
	require.NoError(t, i.Close(t.Context()))
	stale := filepath.Join(o.DataDir, clusterIn(t, o.DataDir), "postmaster.pid")
	require.NoError(t, os.WriteFile(stale, []byte("1\n"), 0o600))
	i, err = Start(soon(t), o)
	require.NoError(t, err)
	require.NoError(t, i.Close(t.Context()))
}

func TestNATSWantsItsCredential(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.SkipPostgres = true
	i, err := Start(soon(t), o)
	require.NoError(t, err)
	require.Nil(t, i.Failed())
	defer i.Close(context.Background())
	_, err = nats.Connect("nats://"+i.NATS.Server.Addr().String(), nats.Timeout(time.Minute))
	require.ErrorIs(t, err, nats.ErrAuthorization)
	for _, option := range []nats.Option{nats.Name("over loopback"), i.NATS.InProcess()} {
		conn, err := nats.Connect(i.NATS.URL, nats.Timeout(time.Minute), option)
		require.NoError(t, err)
		js, err := conn.JetStream()
		require.NoError(t, err)
		_, err = js.AccountInfo()
		require.NoError(t, err)
		conn.Close()
	}
	secret, err := os.Stat(filepath.Join(o.DataDir, "nats", "password"))
	require.NoError(t, err)
	require.EqualValues(t, 0o600, secret.Mode())
}

func TestNATSSaysWhyItCannotStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, err = StartNATS(NATSOptions{
		Dir:    t.TempDir(),
		Port:   taken.Addr().(*net.TCPAddr).Port,
		Logger: slog.New(slog.DiscardHandler),
	})
	require.ErrorContains(t, err, "address already in use")
}
