//go:build !linux

package embedded

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// ownProcess gives a child a process group of its own, so that a Ctrl-C on the
// terminal does not reach it before our ordered stop. There is no death signal on
// this system: dismiss makes up for it at the next start.
func ownProcess(as *account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: as.credential()}
}

// dismiss asks the Postgres of a dead predecessor to stop.
func dismiss(pid int) { _ = syscall.Kill(pid, syscall.SIGINT) }

// worksIn tells whether the process is the server of the data folder. A pid file
// alone proves nothing: numbers are used again.
func worksIn(pid int, dir string) bool {
	line, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(line), "-D "+dir)
}
