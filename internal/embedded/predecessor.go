package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ending is how long the Postgres of an earlier run may take to end: it writes a checkpoint,
// which takes minutes on a slow disk.
const ending = 5 * time.Minute

// settlePredecessor deals with the Postgres of a process that was killed. We hold
// the folder's lock, so that whoever started it is dead and it is ending, or ended
// without removing its pid file.
func settlePredecessor(ctx context.Context, cluster string, logger *slog.Logger) error {
	name := filepath.Join(cluster, "postmaster.pid")
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	first, _ := bufio.NewReader(file).ReadString('\n')
	file.Close()
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err == nil && worksIn(pid, cluster) {
		logger.Info("the Postgres of an earlier run is still ending: waiting for it", "pid", pid)
		dismiss(pid)
		if err := awaitEnd(ctx, pid, cluster, ending); err != nil {
			return err
		}
	}
	// Postgres itself would take a new process of the old number for a running server.
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// awaitEnd waits until the process no longer works in the folder. It is not our
// child, so that looking again is all one can do; its number may stay taken for ever,
// where the first process of a container does not collect the dead.
func awaitEnd(ctx context.Context, pid int, cluster string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for worksIn(pid, cluster) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("a Postgres left by an earlier run, process %d, still works in %s", pid, cluster)
		case <-tick.C:
		}
	}
	return nil
}
