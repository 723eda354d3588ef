//go:build !linux

package postgres

import "syscall"

// breakWhenGone leaves it to keep-alive here, which asks only while nothing is under way.
var breakWhenGone func(network, address string, c syscall.RawConn) error
