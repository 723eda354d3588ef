package loadtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"
)

// ErrNotLocal is returned for a target that is not on this machine: a load test by
// mistake against somebody's server is an attack.
var ErrNotLocal = errors.New("only servers on this machine are loaded")

// patience is how long a request may take before it has failed.
const patience = 10 * time.Second

// Request is what is sent. What stands in it is sent as it is.
type Request struct {
	Method, Path string
	Token        string   // bearer, or "" for nobody
	Body         string   // JSON, or ""
	Headers      []string // further lines, such as "Prefer: wait=5"
}

// Answer is what came back; Header and Body hold until the next request of its Conn.
type Answer struct {
	Status int
	Header Header
	Body   []byte
}

// StatusError means that an answer's status was 400 or above.
type StatusError struct {
	Status int
	Body   string
}

func (e *StatusError) Error() string { return fmt.Sprintf("status %d: %s", e.Status, e.Body) }

// Conn is one keep-alive connection, dialled anew after each failure. It writes and reads in the goroutine that asks: http.Transport hands
// every request to two others, which takes twice the processor time, and that is
// missing to a server on the same machine (see BenchmarkClients). One goroutine at
// a time may use it.
type Conn struct {
	// Index numbers the connections of a Load from 0.
	Index int

	address string
	conn    net.Conn
	release func() bool // stops watching the context
	in      *bufio.Reader
	out     []byte
	head    []byte
	body    []byte
}

// Dial makes a connection to the server of an http URL, as one Load does for each of
// its own. It fails with ErrNotLocal for a server elsewhere; that none listens shows
// in the first request.
func Dial(ctx context.Context, server string) (*Conn, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" || u.Port() == "" {
		return nil, fmt.Errorf("%q is no http URL with a port", server)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return nil, err
	}
	// What the name means is asked once, so that the answer that was checked is dialled.
	if !addresses[0].Unmap().IsLoopback() {
		return nil, fmt.Errorf("%s: %w", server, ErrNotLocal)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return nil, err
	}
	return newConn(netip.AddrPortFrom(addresses[0].Unmap(), uint16(port)).String(), 0), nil
}

func newConn(address string, index int) *Conn {
	return &Conn{Index: index, address: address, in: bufio.NewReaderSize(nil, 16<<10)}
}

// Close ends the connection.
func (c *Conn) Close() {
	if c.conn != nil {
		c.release()
		_ = c.conn.Close() // nothing was promised to the server
		c.conn = nil
	}
}

// Do sends a request and reads its answer. It fails with a StatusError for a status
// of 400 or above, and otherwise when the connection does, ctx ends or ten seconds
// have passed; the connection is then made anew by the next request.
func (c *Conn) Do(ctx context.Context, r Request) (Answer, error) {
	a, err := c.roundTrip(ctx, r)
	if err != nil {
		c.Close()
		return a, err
	}
	if a.Status >= http.StatusBadRequest {
		return a, &StatusError{a.Status, string(a.Body)}
	}
	return a, nil
}

func (c *Conn) roundTrip(ctx context.Context, r Request) (a Answer, err error) {
	if err := c.open(ctx); err != nil {
		return a, err
	}
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return a, err
	}
	c.out = c.write(c.out[:0], r)
	if _, err := c.conn.Write(c.out); err != nil {
		return a, err
	}
	return c.answer()
}

// open dials where there is no connection. The end of ctx cuts it.
func (c *Conn) open(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	dialer := net.Dialer{Timeout: patience}
	conn, err := dialer.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return err
	}
	c.conn = conn
	c.release = context.AfterFunc(ctx, func() { _ = conn.Close() })
	c.in.Reset(conn)
	return nil
}

func (c *Conn) write(b []byte, r Request) []byte {
	b = append(append(append(b, r.Method...), ' '), r.Path...)
	b = append(append(b, " HTTP/1.1\r\nHost: "...), c.address...)
	if r.Token != "" {
		b = append(append(b, "\r\nAuthorization: Bearer "...), r.Token...)
	}
	for _, line := range r.Headers {
		b = append(append(b, "\r\n"...), line...)
	}
	if r.Body != "" {
		b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(r.Body)), 10)
	}
	return append(append(b, "\r\n\r\n"...), r.Body...)
}
