package testkit

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Ports to lend are below those a system hands out by itself, one of which would often be
// somebody's by the time a server is started on it. Test processes that run at once have
// them in blocks. They end at 24999, for embedded's freePort takes its own from 25000 on and
// knows nothing of what is lent: it would take the port of a server that is stopped.
const (
	firstPort  = 15000
	blocks     = 40
	blockPorts = 250
)

// ports are those of this process that nobody has at the moment. It is package state as a
// block is held by the process: with a listener on its first port, which ends with it.
var ports struct {
	sync.Mutex
	free []int
	held []net.Listener
}

// Port lends a free port of loopback until the test ends. No other test has it before, not
// even while the server on it is stopped.
func Port(t testing.TB) int {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	for {
		if len(ports.free) == 0 && !holdBlock() {
			t.Fatal("testkit: all blocks of ports are held")
		}
		port := ports.free[0]
		ports.free = ports.free[1:]
		listener, err := listen(port)
		if err != nil {
			continue // somebody's who knows nothing of blocks
		}
		listener.Close()
		t.Cleanup(func() {
			ports.Lock()
			defer ports.Unlock()
			ports.free = append(ports.free, port)
		})
		return port
	}
}

func holdBlock() bool {
	for _, block := range rand.Perm(blocks) {
		first := firstPort + block*blockPorts
		listener, err := listen(first)
		if err != nil {
			continue
		}
		ports.held = append(ports.held, listener)
		for port := first + 1; port < first+blockPorts; port++ {
			ports.free = append(ports.free, port)
		}
		return true
	}
	return false
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}
