//go:build linux || darwin

package telemetry

import "golang.org/x/sys/unix"

// room is the size of a folder's disk and what is free of it for us, in bytes; zeros
// where it cannot be told.
func room(folder string) (size, free float64) {
	var s unix.Statfs_t
	if unix.Statfs(folder, &s) != nil {
		return 0, 0
	}
	return float64(s.Blocks) * float64(s.Bsize), float64(s.Bavail) * float64(s.Bsize)
}
