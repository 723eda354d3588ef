// Package embedded starts and stops what sical needs on a machine where nothing
// runs: a private Postgres, made from real server binaries and kept as a child
// process behind a unix socket, and a NATS server with JetStream in this process.
// Both keep their data in one folder, which one process at a time may use.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// Options says what to start and where its data is kept.
type Options struct {
	// DataDir holds everything that must survive; made when missing.
	DataDir string
	// PostgresBin is a folder with postgres and initdb, or NPM; empty means search.
	PostgresBin string
	// Settings are server settings of Postgres that win over the defaults.
	Settings map[string]string
	// SkipPostgres and SkipNATS leave out what the caller was given a URL for.
	SkipPostgres, SkipNATS bool
	Logger                 *slog.Logger
}

// Instance is what Start started. Postgres or NATS is nil when it was skipped.
type Instance struct {
	Postgres *Postgres
	NATS     *NATS
	lock     *folderLock
}

// Start locks the data folder and starts Postgres and NATS beside each other. It
// returns once both take connections; ctx bounds the wait for that only. A folder
// another process works in is refused with ErrInUse. Where it starts a Postgres, this
// process loses its PG variables: they are about another server.
func Start(ctx context.Context, o Options) (*Instance, error) {
	dir, err := makeDataDir(o.DataDir)
	if err != nil {
		return nil, err
	}
	o.DataDir = dir
	lock, err := lockFolder(dir, readers)
	if err != nil {
		return nil, err
	}
	i := &Instance{lock: lock}
	group, ctx := errgroup.WithContext(ctx)
	if !o.SkipPostgres {
		group.Go(func() (err error) {
			i.Postgres, err = startPostgres(ctx, o)
			return err
		})
	}
	if !o.SkipNATS {
		group.Go(func() (err error) {
			i.NATS, err = StartNATS(NATSOptions{Dir: filepath.Join(dir, "nats"), Logger: o.Logger})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, i.Close(context.WithoutCancel(ctx)))
	}
	return i, nil
}

// Failed gives one error if Postgres ends without having been asked to. It is nil,
// and so never ready, when Postgres was skipped.
func (i *Instance) Failed() <-chan error {
	if i.Postgres == nil {
		return nil
	}
	return i.Postgres.failed
}

// Close stops NATS, then Postgres, and gives the data folder free. When ctx ends
// Postgres is no longer asked but told: it then recovers at its next start. Close is
// called once.
func (i *Instance) Close(ctx context.Context) error {
	if i.NATS != nil {
		i.NATS.Close()
	}
	var err error
	if i.Postgres != nil {
		err = i.Postgres.close(ctx)
	}
	return errors.Join(err, i.lock.release())
}

// makeDataDir makes the folder and returns its real, absolute name. As root it can be
// passed by others, because Postgres runs as another user; each secret in it has a
// mode of its own.
func makeDataDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711
	}
	if err := makeFolder(dir, mode); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return filepath.EvalSymlinks(dir)
}

// makeFolder makes a folder with this very mode, whatever the umask; one that is there
// keeps its own.
func makeFolder(dir string, mode os.FileMode) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	return os.Chmod(dir, mode)
}
