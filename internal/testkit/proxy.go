package testkit

import (
	"net"
	"strings"
	"sync"
	"testing"
)

// FaultyProxy stands between a client and a server and breaks their connections.
type FaultyProxy struct {
	// Address is the host and port clients connect to.
	Address string

	target   string
	listener net.Listener
	running  sync.WaitGroup
	mu       sync.Mutex
	changed  *sync.Cond // of mu: silent or closed
	conns    map[net.Conn]bool
	refusing bool
	silent   bool
	closed   bool
	holds    int
}

// Proxy forwards from a loopback port to target, a host and port or the path of a
// unix socket, until the test ends.
func Proxy(t testing.TB, target string) *FaultyProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &FaultyProxy{
		Address:  listener.Addr().String(),
		target:   target,
		listener: listener,
		conns:    map[net.Conn]bool{},
	}
	p.changed = sync.NewCond(&p.mu)
	p.running.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Cut resets all connections there are. New ones work.
func (p *FaultyProxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

func (p *FaultyProxy) cut() {
	for conn := range p.conns {
		reset(conn)
	}
}

// Refuse makes every new connection end at once, while on; those there are go on.
func (p *FaultyProxy) Refuse(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusing = on
}

// Blackhole lets nothing through in either direction, while on, and breaks nothing;
// what was held back flows on afterwards.
func (p *FaultyProxy) Blackhole(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = on
	p.changed.Broadcast()
}

// Held is how many pieces of what was sent are held back by now, in all directions.
func (p *FaultyProxy) Held() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.holds
}

func (p *FaultyProxy) close() {
	p.mu.Lock()
	p.closed = true
	p.changed.Broadcast()
	p.cut()
	p.mu.Unlock()
	p.listener.Close()
	p.running.Wait()
}

func (p *FaultyProxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(client) })
	}
}

// serve forwards both ways until one side ends.
func (p *FaultyProxy) serve(client net.Conn) {
	defer reset(client)
	if !p.enter(client) {
		return
	}
	defer p.leave(client)
	network := "tcp"
	if strings.HasPrefix(p.target, "/") {
		network = "unix"
	}
	server, err := net.Dial(network, p.target)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.enter(server) {
		return
	}
	defer p.leave(server)
	p.running.Go(func() {
		p.forward(server, client)
		client.Close()
	})
	p.forward(client, server)
}

func (p *FaultyProxy) forward(from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if p.hold() {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// hold waits while nothing may pass, and tells whether the proxy is closed.
func (p *FaultyProxy) hold() (closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holds++
	defer func() { p.holds-- }()
	for p.silent && !p.closed {
		p.changed.Wait()
	}
	return p.closed
}

func (p *FaultyProxy) enter(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refusing || p.closed {
		return false
	}
	p.conns[conn] = true
	return true
}

func (p *FaultyProxy) leave(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

// reset closes without a goodbye, as a lost peer does.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only for a closed connection
	}
	conn.Close()
}
