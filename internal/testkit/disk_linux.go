package testkit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// apart tells a process that it is one that Apart has started.
const apart = "SICAL_TEST_APART"

// Apart runs the test that calls it once more, in a process with mounts of its own: they
// go with it however it ends. It returns true there, and false here, once that has
// passed. It skips the test where nobody may have such a process: root may, and
// anybody where the system has user namespaces.
func Apart(t *testing.T) bool {
	t.Helper()
	if os.Getenv(apart) != "" {
		return true
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v", "-test.count=1"}
	if end, ok := t.Deadline(); ok {
		args = append(args, fmt.Sprintf("-test.timeout=%v", time.Until(end)))
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), apart+"=1", postgresBin+"="+PostgresBin())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		const admin = 21 // CAP_SYS_ADMIN, of the namespace: it mounts
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}},
			AmbientCaps: []uintptr{admin},
		}
	}
	out, err := cmd.CombinedOutput()
	_, ran := errors.AsType[*exec.ExitError](err)
	switch {
	case err != nil && !ran:
		t.Skipf("no process with mounts of its own may be started here, neither as root nor in a user namespace: %v", err)
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skip(string(out))
	}
	t.Logf("%s", out)
	return false
}

// Disk is a file system of a fixed size in memory.
type Disk struct {
	t       testing.TB
	dir     string
	ballast string
}

// SmallDisk mounts a disk of so many bytes over a folder, which keeps its owner and
// mode; see Apart.
func SmallDisk(t testing.TB, dir string, bytes int64) *Disk {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	of := info.Sys().(*syscall.Stat_t)
	options := fmt.Sprintf("size=%d,mode=%o,uid=%d,gid=%d", bytes, info.Mode().Perm(), of.Uid, of.Gid)
	if err := syscall.Mount("sical-test", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("no disk can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error("testkit: ", err)
		}
	})
	return &Disk{t: t, dir: dir, ballast: filepath.Join(dir, "ballast")}
}

// Fill leaves room for so many bytes until Free is called.
func (d *Disk) Fill(room int64) {
	d.t.Helper()
	file, err := os.OpenFile(d.ballast, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer file.Close()
	for page := make([]byte, os.Getpagesize()); err == nil; {
		_, err = file.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatal(err)
	}
	info, err := file.Stat()
	if err == nil {
		err = file.Truncate(info.Size() - room)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// Free makes the room again that Fill took.
func (d *Disk) Free() {
	d.t.Helper()
	if err := os.Remove(d.ballast); err != nil {
		d.t.Fatal(err)
	}
}
