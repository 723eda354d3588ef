package testkit

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSmallDisk(t *testing.T) {
	t.Parallel()
	if !Apart(t) {
		return
	}
	dir := t.TempDir()
	disk := SmallDisk(t, dir, 1<<20)
	write := func(name string, bytes int) error {
		return os.WriteFile(filepath.Join(dir, name), make([]byte, bytes), 0o600)
	}
	disk.Fill(64 << 10)
	require.NoError(t, write("fits", 60<<10))
	disk.Fill(0)
	require.ErrorIs(t, write("more", 60<<10), syscall.ENOSPC)
	require.NoError(t, os.Remove(filepath.Join(dir, "more")))
	disk.Free()
	require.NoError(t, write("more", 60<<10))
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.Geteuid(), int(info.Sys().(*syscall.Stat_t).Uid))
}
