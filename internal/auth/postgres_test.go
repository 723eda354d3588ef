package auth

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		server.stop()
		os.Exit(code)
	}))
}

// server is a Postgres of this test binary's own, started by the first test
// that asks for a database.
var server postgres

type postgres struct {
	once      sync.Once
	err       error
	dir       string
	databases atomic.Int64
}

// database returns the URL of a new database with the schema in it.
func database(t testing.TB) string {
	t.Helper()
	server.once.Do(func() { server.err = server.start() })
	require.NoError(t, server.err)
	name := fmt.Sprintf("t%d", server.databases.Add(1))
	admin := connect(t, server.url("postgres"))
	_, err := admin.Exec(t.Context(), "create database "+name)
	require.NoError(t, err)
	_, err = connect(t, server.url(name)).Exec(t.Context(), "create schema sical;"+Schema)
	require.NoError(t, err)
	return server.url(name)
}

func connect(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func (p *postgres) url(database string) string {
	return fmt.Sprintf("host=%s user=postgres dbname=%s", p.dir, database)
}

func (p *postgres) start() (err error) {
	if p.dir, err = os.MkdirTemp("", "auth-pg"); err != nil {
		return err
	}
	var owner *syscall.SysProcAttr
	if os.Getuid() == 0 { // Postgres refuses to run as root
		account, err := user.Lookup("postgres")
		if err != nil {
			return err
		}
		uid, _ := strconv.Atoi(account.Uid)
		gid, _ := strconv.Atoi(account.Gid)
		if err := os.Chown(p.dir, uid, gid); err != nil {
			return err
		}
		owner = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	data := filepath.Join(p.dir, "data")
	for _, args := range [][]string{
		{"initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", data},
		{"pg_ctl", "-s", "-w", "-D", data, "-l", filepath.Join(p.dir, "log"), "-o",
			"-c listen_addresses='' -c fsync=off -c max_connections=200 -k " + p.dir, "start"},
	} {
		if err := p.run(owner, args...); err != nil {
			return err
		}
	}
	return nil
}

func (p *postgres) run(owner *syscall.SysProcAttr, args ...string) error {
	cmd := exec.Command(filepath.Join("/usr/lib/postgresql/15/bin", args[0]), args[1:]...)
	cmd.SysProcAttr, cmd.Dir = owner, p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", args[0], err, out)
	}
	return nil
}

func (p *postgres) stop() {
	if p.dir == "" {
		return
	}
	if pid, err := os.ReadFile(filepath.Join(p.dir, "data", "postmaster.pid")); err == nil {
		var number int
		if _, err := fmt.Sscan(string(pid), &number); err == nil {
			_ = syscall.Kill(number, syscall.SIGQUIT)
		}
	}
	_ = os.RemoveAll(p.dir)
}
