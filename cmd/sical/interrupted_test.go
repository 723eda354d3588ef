package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

var interruptions = map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143}

// An import that is cut off in the midst of its file is none that is done, also where it
// waits for more of it.
func (b binary) isInterrupted(t *testing.T) {
	dir, db, nats := b.folder(t), testkit.Database(t, migrated), testkit.NATS(t)
	for signal, status := range interruptions {
		for _, idle := range []bool{false, true} {
			var stdout, stderr bytes.Buffer
			cmd := b.command(t, dir, "import", "ndjson", "-", "--postgres-url", db.AdminURL, "--nats-url", nats.URL)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			in, err := cmd.StdinPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			for n := 0; err == nil && !(idle && n > 5000); n++ { // until nobody reads
				_, err = fmt.Fprintf(in, `{"id":%q,"type":"point.create","data":{"id":%q,"title":"Point %d"}}`+"\n", uuid.New(), uuid.New(), n)
				if n == 5000 { // more than a pipe holds: the import has begun
					require.NoError(t, cmd.Process.Signal(signal))
				}
			}
			require.Equal(t, status, exited(t, cmd), &stderr)
			require.Regexp(t, `(^|\n)sical: interrupted.*\n$`, stderr.String())
			require.Equal(t, 1, strings.Count("\n"+stderr.String(), "\nsical: "), "one line: %s", &stderr)
			require.Regexp(t, `^commands +\d+ done +0 known +0 refused `, stdout.String(), "what was done until then")
		}
	}
}

// Who is to serve may be told to end at any time, which is no failure, and a tool that
// waits has not done what it was for.
func (b binary) isStoppedWhileStarting(t *testing.T) {
	listen := []string{"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}
	for signal, status := range interruptions {
		for _, c := range []struct {
			args   []string
			status int
		}{
			{append([]string{"serve"}, listen...), 0},
			{append([]string{"query", "--nats-url", "nats://127.0.0.1:1"}, listen...), 0},
			{[]string{"migrate"}, status},
		} {
			silent, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			require.NoError(t, silent.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)))
			url := "postgres://sical@" + silent.Addr().String() + "/sical?sslmode=disable"
			cmd, stderr := b.command(t, b.folder(t), append(c.args, "--postgres-url", url)...), &bytes.Buffer{}
			cmd.Stderr = stderr
			require.NoError(t, cmd.Start())
			waiting, err := silent.Accept() // and never answered
			require.NoError(t, err)
			require.NoError(t, cmd.Process.Signal(signal))
			require.Equal(t, c.status, exited(t, cmd), "%v: %s", c.args, stderr)
			if c.status != 0 {
				require.Contains(t, stderr.String(), "sical: interrupted")
			}
			require.NoError(t, errors.Join(waiting.Close(), silent.Close()))
		}
	}
}

// What fails, and is told to end while it closes, has failed all the same.
func (b binary) isStoppedWhileFailing(t *testing.T) {
	dir := b.folder(t)
	s := b.serve(t, dir)
	address := strings.TrimPrefix(s.url, "http://")
	asking, err := net.Dial("tcp", address)
	require.NoError(t, err)
	_, err = fmt.Fprint(asking, "GET / HTTP/1.1\r\n") // closing waits for the rest
	require.NoError(t, err)
	killPostgres(t, dir)
	testkit.Eventually(t, func() error {
		if c, err := net.Dial("tcp", address); err == nil {
			return errors.Join(errors.New("it does not close yet"), c.Close())
		}
		return nil
	})
	if err := s.cmd.Process.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) { // on a machine slower than the header may be
		require.NoError(t, err)
	}
	require.NoError(t, asking.Close())
	testkit.Receive(t, s.ended)
	require.Equal(t, failed, s.cmd.ProcessState.ExitCode(), s.stderr)
	require.Contains(t, s.stderr.String(), "\nsical: postgres ended by itself")
}

// killPostgres kills the private server of a data folder.
func killPostgres(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "pg*", "postmaster.pid"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
}

// exited is the status that the program ends with.
func exited(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	_ = cmd.Wait() // which tells any status but 0 as an error
	require.NotNil(t, cmd.ProcessState)
	return cmd.ProcessState.ExitCode()
}
