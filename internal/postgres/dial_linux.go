package postgres

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// breakWhenGone breaks a connection over TCP where what was sent on it is not acknowledged:
// keep-alive asks only while nothing is under way. A system without the option has that alone.
func breakWhenGone(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(gone.Milliseconds()))
	})
}
