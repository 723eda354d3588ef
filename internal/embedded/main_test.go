package embedded

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit/leak"
)

// helperDir names the data folder to a process that is this test binary again.
const helperDir = "SICAL_TEST_DATA_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		if err := serve(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	leak.Main(m)
}

// serve is the least program around an Instance: it runs until told to stop.
func serve(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	i, err := Start(ctx, options(dir))
	if err != nil {
		return err
	}
	if err := WriteRun(dir, Run{PID: os.Getpid(), NATSURL: i.NATS.URL}); err != nil {
		return err
	}
	fmt.Println(i.Postgres.process.cmd.Process.Pid, i.Postgres.AdminURL)
	<-ctx.Done()
	return i.Close(context.Background())
}

// options are those of tests that do not look at what a power cut leaves.
func options(dir string) Options {
	return Options{
		DataDir:  dir,
		Settings: map[string]string{"fsync": "off"},
		Logger:   slog.New(slog.DiscardHandler),
	}
}

// soon ends long after any start, and any helper, should be done: what hangs fails then.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// folder is a temporary folder that any user may pass and as owns. t.TempDir is
// closed to all but the user the tests run as.
func folder(t testing.TB, as *account) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sical-embedded-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, as.own(dir))
	return dir
}

// users are those the whole must work as: who runs the tests and, if that is root,
// an ordinary one.
func users(t *testing.T) map[string]*account {
	t.Helper()
	all := map[string]*account{"as myself": nil}
	if os.Geteuid() == 0 {
		found, err := user.Lookup("nobody")
		require.NoError(t, err)
		nobody, err := newAccount(found)
		require.NoError(t, err)
		all["as nobody"] = nobody
	}
	return all
}

// helper is another process that runs an Instance.
type helper struct {
	cmd        *exec.Cmd
	out        io.Reader
	errors     strings.Builder
	postmaster int
	url        string
}

// startHelper starts one and waits until it is ready or has failed.
func startHelper(t *testing.T, as *account, dir string) *helper {
	t.Helper()
	h := launchHelper(t, as, dir)
	line, err := bufio.NewReader(h.out).ReadString('\n')
	if err == io.EOF {
		return h // failed: wait says how
	}
	_, err = fmt.Sscan(line, &h.postmaster, &h.url)
	require.NoError(t, err)
	return h
}

func launchHelper(t *testing.T, as *account, dir string) *helper {
	t.Helper()
	program := filepath.Join(folder(t, as), "helper")
	copyProgram(t, program)
	h := &helper{cmd: exec.CommandContext(soon(t), program)}
	h.cmd.Dir = "/"
	h.cmd.Env = append(os.Environ(), helperDir+"="+dir)
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as.credential()}
	h.cmd.Stderr = &h.errors
	var err error
	h.out, err = h.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, h.cmd.Start())
	t.Cleanup(func() {
		if h.cmd.ProcessState == nil {
			h.cmd.Process.Signal(syscall.SIGTERM)
			h.cmd.Wait()
		}
	})
	return h
}

// copyProgram puts this test binary where any user may run it.
func copyProgram(t *testing.T, name string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	// A process that another test starts meanwhile would have the file open for
	// writing, until it is its own program: nobody could run it.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	from, err := os.Open(self)
	require.NoError(t, err)
	defer from.Close()
	to, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	require.NoError(t, to.Chmod(0o755), "whatever the umask")
	_, err = io.Copy(to, from)
	require.NoError(t, err)
	require.NoError(t, to.Close())
}

// query runs SQL that gives one text.
func query(t *testing.T, url, sql string) (text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&text))
	return text
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}

// clusterIn is existingCluster of a folder that may be looked into.
func clusterIn(t *testing.T, dir string) string {
	t.Helper()
	name, err := existingCluster(dir)
	require.NoError(t, err)
	return name
}

func requireGone(t *testing.T, pid int, dir string) {
	t.Helper()
	require.NoError(t, awaitEnd(t.Context(), pid, filepath.Join(dir, clusterIn(t, dir)), time.Minute))
}
