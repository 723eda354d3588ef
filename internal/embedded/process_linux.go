package embedded

import (
	"fmt"
	"os"
	"syscall"
)

// ownProcess gives a child a process group of its own, so that a Ctrl-C on the
// terminal does not reach it before our ordered stop, and the signal for a fast
// shutdown when we die.
func ownProcess(as *account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT, Credential: as.credential()}
}

// dismiss asks the Postgres of a dead predecessor to stop. Its death signal already did.
func dismiss(int) {}

// worksIn tells whether the process works in the folder, as a postmaster does in
// its data folder. A pid file alone proves nothing: numbers are used again.
func worksIn(pid int, dir string) bool {
	at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	return err == nil && at == dir
}
