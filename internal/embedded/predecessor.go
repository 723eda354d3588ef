package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// settlePredecessor deals with the Postgres of a process that was killed. We hold
// the folder's lock, so that whoever started it is dead and it is ending, or ended
// without removing its pid file.
func settlePredecessor(ctx context.Context, cluster string) error {
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
		dismiss(pid)
		if err := waitGone(ctx, pid, 10*time.Second); err != nil {
			return fmt.Errorf("a Postgres left by an earlier run still works in %s: %w", cluster, err)
		}
	}
	// Postgres itself would take a new process of the old number for a running server.
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
