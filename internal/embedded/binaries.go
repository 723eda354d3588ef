package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// binaries is a folder of server programs on this machine.
type binaries struct {
	dir     string
	version string // "15.18"
	major   int
	origin  string // "installed"
}

var versionLine = regexp.MustCompile(`PostgreSQL\) (([0-9]+)[.0-9a-z]*)`)

// probe looks whether a folder holds a server that runs here and that, if want is
// not empty, fits the data folder of that name.
func probe(ctx context.Context, dir, want string) (*binaries, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for _, program := range []string{"postgres", "initdb"} {
		if _, err := os.Stat(filepath.Join(dir, program)); err != nil {
			return nil, fmt.Errorf("no %s in %s", program, dir)
		}
	}
	line, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s/postgres does not run: %w %s", dir, err, strings.TrimSpace(string(line)))
	}
	match := versionLine.FindSubmatch(line)
	if match == nil {
		return nil, fmt.Errorf("%s/postgres says %q for its version", dir, line)
	}
	b := &binaries{dir: dir, version: string(match[1])}
	if b.major, err = strconv.Atoi(string(match[2])); err != nil {
		return nil, err
	}
	if b.major < oldest {
		return nil, fmt.Errorf("%s has PostgreSQL %s, older than %d", dir, b.version, oldest)
	}
	if want != "" && want != b.folder() {
		return nil, fmt.Errorf("%s has PostgreSQL %s", dir, b.version)
	}
	return b, nil
}

func (b *binaries) String() string {
	return fmt.Sprintf("PostgreSQL %s (%s, %s)", b.version, b.origin, b.dir)
}

func (b *binaries) folder() string { return "pg" + strconv.Itoa(b.major) }

func (b *binaries) prepare(ctx context.Context, o Options) (*launch, error) {
	cluster := filepath.Join(o.DataDir, b.folder())
	as, err := accountFor(cluster)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(as.canEnter(o.DataDir), as.canEnter(b.dir)); err != nil {
		return nil, err
	}
	if _, err := os.Stat(cluster); errors.Is(err, fs.ErrNotExist) {
		if err := b.initialise(ctx, o, as, cluster); err != nil {
			return nil, err
		}
	}
	// The predecessor first: while it ends, its files go.
	if err := settlePredecessor(ctx, cluster, o.Logger); err != nil {
		return nil, err
	}
	if err := as.own(cluster); err != nil {
		return nil, err
	}
	sockets, err := socketFolder(o.DataDir, as)
	if err != nil {
		return nil, err
	}
	ours := map[string]string{"listen_addresses": "", "unix_socket_directories": sockets, "unix_socket_permissions": "0700"}
	args := append([]string{"-D", cluster, "-p", "5432"}, arguments(defaults, o.Settings, ours)...)
	return &launch{
		cmd:     b.command(context.Background(), as, "postgres", args...),
		host:    sockets,
		port:    5432,
		cleanup: func() { os.RemoveAll(sockets) },
	}, nil
}

// initialise makes a new cluster beside its place and moves it there when it is
// whole, so that no later start takes half of one for data.
func (b *binaries) initialise(ctx context.Context, o Options, as *account, cluster string) error {
	halves, _ := filepath.Glob(cluster + ".new-*")
	for _, half := range halves {
		_ = os.RemoveAll(half) // a killed initdb may still be at it; another start tries again
	}
	fresh, err := os.MkdirTemp(o.DataDir, b.folder()+".new-*") // mode 0700
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	if err := as.own(fresh); err != nil {
		return err
	}
	args := []string{"-D", fresh, "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C"}
	if o.Settings["fsync"] == "off" {
		args = append(args, "--no-sync")
	}
	initdb := b.command(ctx, as, "initdb", args...)
	initdb.Cancel = func() error { return initdb.Process.Signal(syscall.SIGINT) } // it ends its children
	initdb.WaitDelay = 5 * time.Second
	// The death signal comes when the starting thread ends: keep it from goroutines
	// that take theirs with them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, lastLines(out))
	}
	// Nobody comes in by another way than the socket, whatever the settings become.
	access := []byte("# type  database  user  method: the socket's folder is the wall\nlocal   all       all   trust\n")
	if err := os.WriteFile(filepath.Join(fresh, "pg_hba.conf"), access, 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, cluster)
}

// command runs a program of the server as the account, in English.
func (b *binaries) command(ctx context.Context, as *account, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, program), args...)
	cmd.Dir = "/" // ours may be closed to the account
	cmd.SysProcAttr = ownProcess(as)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd
}
