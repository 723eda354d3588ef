//go:build !linux && !darwin

package web

import "net"

// hungUp cannot be told here without taking a byte from the connection.
func hungUp(net.Conn) bool { return false }
