package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

func TestBuiltBinary(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the program and starts whole systems")
	}
	b := built(t)
	t.Run("ends cleanly", func(t *testing.T) { t.Parallel(); b.endsCleanly(t) })
	t.Run("ends at once when told twice", func(t *testing.T) { t.Parallel(); b.endsAtOnce(t) })
	t.Run("a background job ends at once when told twice", func(t *testing.T) {
		t.Parallel()
		b := b
		b.first = `trap "" INT TERM`
		b.endsAtOnce(t)
	})
	t.Run("is interrupted", func(t *testing.T) { t.Parallel(); b.isInterrupted(t) })
	t.Run("is stopped while starting", func(t *testing.T) { t.Parallel(); b.isStoppedWhileStarting(t) })
	t.Run("is stopped while failing", func(t *testing.T) { t.Parallel(); b.isStoppedWhileFailing(t) })
	t.Run("is asked itself", func(t *testing.T) { t.Parallel(); b.isAskedItself(t) })
	t.Run("is looked into", func(t *testing.T) { t.Parallel(); b.isLookedInto(t) })
	t.Run("survives kill -9", func(t *testing.T) { t.Parallel(); b.survivesKill(t) })
	t.Run("rebuilds", func(t *testing.T) { t.Parallel(); b.rebuilds(t) })
	t.Run("shares out", func(t *testing.T) { t.Parallel(); b.sharesOut(t) })
	t.Run("heeds its container", func(t *testing.T) { t.Parallel(); b.heedsItsContainer(t) })
	t.Run("is operated", func(t *testing.T) { t.Parallel(); b.isOperated(t) })
	t.Run("as an ordinary user", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() != 0 {
			t.Skip("the tests run as one already")
		}
		b := b
		b.as = &syscall.Credential{Uid: 65534, Gid: 65534, Groups: []uint32{}}
		b.endsCleanly(t)
	})
}

// command is the program with arguments, on a data folder. Where it hangs it is told to end two
// minutes before the tests have to, and killed a minute later: what waits for it says so then.
func (b binary) command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	args = append([]string{b.file}, append(args, "--data-dir", dir)...)
	if b.first != "" {
		args = append([]string{"sh", "-c", b.first + ` && exec "$@"`, "sh"}, args...)
	}
	ctx := t.Context()
	if end, ok := t.Deadline(); ok { // which ends all the others as well
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-2*time.Minute))
		t.Cleanup(cancel)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // so that nothing is left of it
	cmd.WaitDelay = time.Minute
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir)
	if !slices.Contains(args, "--postgres-url") { // beside which it is refused
		cmd.Env = append(cmd.Env, "SICAL_POSTGRES_BIN="+testkit.PostgresBin())
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: b.as}
	return cmd
}

// folder is an empty data folder of the user the program runs as.
func (b binary) folder(t *testing.T) string {
	t.Helper()
	dir := dataDir(t)
	if b.as != nil {
		require.NoError(t, os.Chown(dir, int(b.as.Uid), int(b.as.Gid)))
	}
	return dir
}

// server is a running `sical serve`.
type server struct {
	cmd    *exec.Cmd
	stderr *testkit.Log
	url    string
	inside string // the command that looks inside
	begun  bool   // the first steps can be taken at once
	ended  chan struct{}
	err    error // once ended
}

// serve starts the program and waits for its banner.
func (b binary) serve(t *testing.T, dir string, flags ...string) *server {
	t.Helper()
	cmd := b.command(t, dir, append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}, flags...)...)
	s := &server{cmd: cmd, stderr: &testkit.Log{}, ended: make(chan struct{})}
	cmd.Stderr = s.stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { <-s.ended })
	lines := bufio.NewScanner(stdout)
	for steps := false; !steps && lines.Scan(); {
		if name, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), " "); name == "API" {
			s.url = strings.TrimSpace(value)
		}
		if _, line, ok := strings.Cut(lines.Text(), "look inside"); ok {
			s.inside = strings.TrimSpace(line)
		}
		steps = strings.HasPrefix(lines.Text(), "First steps")
		s.begun = lines.Text() == "First steps:"
	}
	go func() {
		for lines.Scan() {
		}
		s.err = cmd.Wait()
		close(s.ended)
	}()
	if s.url == "" {
		<-s.ended
		t.Fatalf("it did not start: %v\n%s", s.err, s.stderr)
	}
	return s
}

// client talks to the running program.
func (s *server) client(t *testing.T) *system {
	t.Helper()
	contract, err := readContract()
	require.NoError(t, err)
	return (&system{url: s.url, contract: contract}).by(t)
}

func (b binary) endsCleanly(t *testing.T) {
	dir := b.folder(t)
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		s := b.serve(t, dir)
		require.NotEmpty(t, processesOf(t, dir), "a private Postgres runs")
		if s.begun {
			require.Equal(t, http.StatusOK, s.client(t).call(http.MethodGet, "/v1/statistics", "", "").status, "the first step that is offered")
		}
		info, err := os.Stat(filepath.Join(dir, "run.json"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds credentials")
		require.NoError(t, s.cmd.Process.Signal(signal))
		<-s.ended
		require.NoError(t, s.err, "%v: %s", signal, s.stderr)
		assert.Empty(t, processesOf(t, dir), "nothing is left after %v", signal)
		assert.NoFileExists(t, filepath.Join(dir, "run.json"))
	}
}

// A second signal is not kept waiting for what the first one began.
func (b binary) endsAtOnce(t *testing.T) {
	dir := b.folder(t)
	s := b.serve(t, dir, "--drain-delay", "1000h")
	require.NoError(t, s.cmd.Process.Signal(os.Interrupt))
	testkit.Eventually(t, func() error {
		if !strings.Contains(s.stderr.String(), "draining") {
			return fmt.Errorf("it has not heard the first: %s", s.stderr)
		}
		return nil
	})
	require.NoError(t, s.cmd.Process.Signal(os.Interrupt))
	<-s.ended
	require.Equal(t, 128+int(syscall.SIGINT), s.cmd.ProcessState.ExitCode(), s.err)
	gone(t, dir)
}

func (b binary) survivesKill(t *testing.T) {
	dir := b.folder(t)
	s := b.serve(t, dir)
	c := s.client(t)
	_, token, _ := c.account("ada")
	goal := c.do(http.MethodPost, "/v1/goals", token, `{"title":"Outlives its server"}`)
	require.NoError(t, s.cmd.Process.Kill())
	<-s.ended
	gone(t, dir)
	again := b.serve(t, dir).client(t)
	again.position = c.position
	r := again.get("/v1/goals/"+goal, token)
	require.Equal(t, http.StatusOK, r.status, r.body)
	assert.Equal(t, "Outlives its server", r.field(t, "title"))
}

// output runs a subcommand that has to succeed beside the running server.
func (b binary) output(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := b.command(t, dir, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	require.NoError(t, cmd.Run(), "%v: %s", args, &stderr)
	return stdout.String()
}

// fails runs a subcommand that has to fail, for a reason that it tells in one line.
func (b binary) fails(t *testing.T, dir string, args ...string) (reason string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := b.command(t, dir, args...)
	cmd.Stderr = &stderr
	assert.Error(t, cmd.Run(), "%v", args)
	assert.Equal(t, failed, cmd.ProcessState.ExitCode(), "%v", args)
	reason = slowStatement.ReplaceAllString(stderr.String(), "")
	assert.Equal(t, 1, strings.Count(reason, "\n"), "one line: %s", reason)
	return reason
}

// slowStatement is a line of the log that a slow machine may have any command write.
var slowStatement = regexp.MustCompile(`(?m)^.* msg="slow statement" .*\n`)

// gone waits until nothing runs on the folder.
func gone(t *testing.T, dir string) {
	t.Helper()
	testkit.Eventually(t, func() error {
		if left := processesOf(t, dir); len(left) > 0 {
			return fmt.Errorf("still running: %v", left)
		}
		return nil
	})
}

// processesOf lists the processes that name the folder in their command line.
func processesOf(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Skip("this system does not show its processes")
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		// A process may end between being listed and being read.
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if text := strings.ReplaceAll(string(line), "\x00", " "); err == nil && strings.Contains(text, dir) && strings.Contains(text, "postgres") {
			list = append(list, text)
		}
	}
	return list
}
