package loadtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestATreeHoldsProcessAndDescendants(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system has no /proc")
	}
	child := exec.CommandContext(t.Context(), "cat")
	input, err := child.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	tree, err := Tree(os.Getpid())
	require.NoError(t, err)
	require.Equal(t, os.Getpid(), tree[0].PID)
	require.Positive(t, tree[0].Memory)
	require.Positive(t, Memory(os.Getpid()))
	require.Positive(t, WatchMemory(os.Getpid())())
	require.True(t, slices.ContainsFunc(tree, func(p Process) bool { return p.PID == child.Process.Pid && p.Parent == os.Getpid() }))
	require.NoError(t, input.Close())
	require.NoError(t, child.Wait())
	_, err = Tree(child.Process.Pid)
	require.Error(t, err, "it has ended")
}

func TestProcessesAreReadWhateverTheirName(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "stat")
	text := "42 (a) (b) S 7 42 42 0 -1 4194560 100 0 0 0 11 22 33 44 20 0 1 0 99 1000000 5 18446744073709551615 1\n"
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	p, err := process(name)
	require.NoError(t, err)
	require.Equal(t, Process{42, 7, "a) (b", 1100 * time.Millisecond, 5 * int64(os.Getpagesize())}, p)
	require.Equal(t, 2200*time.Millisecond, CPU([]Process{p, p}))
	for _, text := range []string{"", "42 (cat", "42 (cat) S 7", "x (cat) S 7 42 42 0 -1 4194560 100 0 0 0 11 22 33 44 20 0 1 0 99 1000000 5 1"} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		_, err = process(name)
		require.Error(t, err, text)
	}
}
