//go:build !linux

package testkit

import "testing"

// Apart skips the test: mounts of one process are Linux's.
func Apart(t *testing.T) bool {
	t.Helper()
	t.Skip("only Linux gives a process mounts of its own")
	return false
}

// Disk is a file system of a fixed size, which only Linux makes for a test.
type Disk struct{}

// SmallDisk is not reached: Apart has skipped the test.
func SmallDisk(testing.TB, string, int64) *Disk { return nil }

// Fill is not reached.
func (*Disk) Fill(int64) {}

// Free is not reached.
func (*Disk) Free() {}
