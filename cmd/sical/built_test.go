package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// binary is the built program and the user to run it as.
type binary struct {
	file  string
	as    *syscall.Credential // nil for who runs the tests
	first string              // what a shell does before it becomes the program; empty for none
}

// built is the program without the race detector, whatever the tests have, where any user may run it.
func built(t *testing.T) binary {
	t.Helper()
	dir := dataDir(t)
	require.NoError(t, os.Chmod(dir, 0o755))
	b := binary{file: filepath.Join(dir, "sical")}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-race=false", "-buildvcs=false", "-o", b.file, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.Chmod(b.file, 0o755), "whatever the umask")
	return b
}
