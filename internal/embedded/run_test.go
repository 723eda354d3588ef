package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRunIsFoundWhileItsProcessLives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := ReadRun(dir)
	require.ErrorIs(t, err, ErrNotRunning)
	require.NoError(t, RemoveRun(dir))

	lock, err := lockFolder(dir, time.Minute)
	require.NoError(t, err)
	_, err = ReadRun(dir)
	require.ErrorIs(t, err, ErrNotRunning, "it has not said yet where it is")
	run := Run{
		PID:          os.Getpid(),
		Started:      time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC),
		PublicURL:    "http://127.0.0.1:8080",
		PostgresURLs: map[string]string{"sical_query": "postgres://sical_query@/sical?host=/tmp/sical"},
		NATSURL:      "nats://sical:secret@127.0.0.1:4222",
	}
	require.NoError(t, WriteRun(dir, run))
	got, err := ReadRun(dir)
	require.NoError(t, err)
	require.Equal(t, run, got)
	info, err := os.Stat(runFile(dir))
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode())

	require.NoError(t, lock.release())
	_, err = ReadRun(dir)
	require.ErrorIs(t, err, ErrNotRunning, "its process is gone")
	require.NoError(t, RemoveRun(dir))
	require.NoFileExists(t, runFile(dir))
}

// Who only looks must not keep a start from the folder.
func TestReadersDoNotDisturbTheLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, WriteRun(dir, Run{}))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
					ReadRun(dir)
				}
			}
		})
	}
	for range 50 {
		lock, err := lockFolder(dir, time.Minute)
		require.NoError(t, err)
		require.NoError(t, lock.release())
	}
	close(stop)
	readers.Wait()
}

// A child that is being started has the lock's file until it is its own program.
func TestReleasedLockIsNobodys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, err := lockFolder(dir, time.Minute)
	require.NoError(t, err)
	childs, err := syscall.Dup(int(lock.file.Fd()))
	require.NoError(t, err)
	defer syscall.Close(childs)
	require.NoError(t, lock.release())
	lock, err = lockFolder(dir, time.Minute)
	require.NoError(t, err)
	require.NoError(t, lock.release())
}

// A reader that a busy machine leaves in the middle holds a start up, and no more.
func TestASlowReaderIsNoOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, err := lockFolder(dir, time.Minute)
	require.NoError(t, err)
	_, err = lockFolder(dir, time.Minute)
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, lock.release())

	reader, err := os.Open(filepath.Join(dir, "lock"))
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(reader.Fd()), syscall.LOCK_SH))
	time.AfterFunc(200*time.Millisecond, func() { reader.Close() })
	lock, err = lockFolder(dir, time.Minute)
	require.NoError(t, err)
	require.NoError(t, lock.release())
}

func TestLogIsBoundedAndQuoted(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "postgres.log")
	require.NoError(t, os.WriteFile(name, []byte(strings.Repeat("x", logLimit)+"\nearlier run\n"), 0o600))
	log, err := openLog(name)
	require.NoError(t, err)
	require.Empty(t, log.tail())
	for n := range 100 {
		fmt.Fprintf(log.file, "line %d\n", n)
	}
	require.NoError(t, log.file.Close())
	log, err = openLog(name)
	require.NoError(t, err)
	defer log.file.Close()
	require.Empty(t, log.tail(), "only this run's lines")
	fmt.Fprint(log.file, "why\n")
	require.Equal(t, "why", log.tail())
	require.FileExists(t, name+".old")
}

// TestFullDiskIsFoundBehindRefusals: many are turned away while a server recovers from a full disk.
func TestFullDiskIsFoundBehindRefusals(t *testing.T) {
	t.Parallel()
	log, err := openLog(filepath.Join(t.TempDir(), "postgres.log"))
	require.NoError(t, err)
	defer log.file.Close()
	const ready, full = "LOG:  database system is ready to accept connections\n", `could not write to file "pg_wal/xlogtemp.1": No space left on device` + "\n"
	fmt.Fprint(log.file, ready, "ERROR:  "+full)
	require.False(t, log.outOfRoom(), "a statement failed, the server goes on")
	fmt.Fprint(log.file, "PANIC:  "+full, strings.Repeat("FATAL:  the database system is not yet accepting connections\n", 1000))
	require.True(t, log.outOfRoom())
	fmt.Fprint(log.file, ready, "LOG:  server process was terminated by signal 9\n")
	require.False(t, log.outOfRoom(), "it was ready again")
}
