package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/embedded"
	"sical-backend/internal/testkit"
)

// heedsItsContainer: the memory limit of the runtime is the share of the container's that
// was asked for; serve leaves half to its Postgres.
func (b binary) heedsItsContainer(t *testing.T) {
	const size = 1 << 30
	b.first = "echo $$ >" + memoryGroup(t, size)
	dir := b.folder(t)
	b.serve(t, dir, "--memory-target=-1")
	run, err := embedded.ReadRun(dir)
	require.NoError(t, err)
	answer, err := http.Get(run.AdminURL + "/metrics")
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), "\ngo_gc_gomemlimit_bytes ")
	value, _, _ := strings.Cut(rest, "\n")
	limit, err := strconv.ParseFloat(value, 64)
	require.NoError(t, err)
	require.InDelta(t, size*privateShare, limit, 1)
}

// memoryGroup makes a control group of so many bytes below this process's own, and
// returns the file that takes processes in. Where nobody may make one, the test is skipped.
func memoryGroup(t *testing.T, size int) (procs string) {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip("no control groups: ", err)
	}
	for line := range strings.Lines(string(own)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		root, limit := "/sys/fs/cgroup/memory", "memory.limit_in_bytes" // version 1
		switch controllers {
		case "":
			root, limit = "/sys/fs/cgroup", "memory.max" // version 2
		case "memory":
		default:
			continue
		}
		group, err := os.MkdirTemp(filepath.Join(root, path), "sical-test-")
		if err != nil {
			continue
		}
		t.Cleanup(func() { // once nobody is in it
			testkit.Eventually(t, func() error { return os.Remove(group) })
		})
		if os.WriteFile(filepath.Join(group, limit), fmt.Append(nil, size), 0o644) == nil {
			return filepath.Join(group, "cgroup.procs")
		}
	}
	t.Skip("nobody may limit memory by a control group here")
	return ""
}
