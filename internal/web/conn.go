package web

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Serve serves on l as s.Serve does, and returns what it returns, over connections that
// take less processor time: they seldom move their deadlines, and answers that pass the
// chain (see Protect) hand most of their header to the connection itself.
func Serve(s *http.Server, l net.Listener) error { return s.Serve(lighten(s, l)) }

// lighten makes l one whose connections s knows.
func lighten(s *http.Server, l net.Listener) net.Listener {
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	return lightListener{l}
}

type lightListener struct{ net.Listener }

func (l lightListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, reads: deadline{set: c.SetReadDeadline}, writes: deadline{set: c.SetWriteDeadline}}, nil
}

// connKey is where the context of a request has its connection.
type connKey struct{}

// connOf is the connection of a request, nil where it is none of Serve's.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// conn is a connection of a client. It has no ReadFrom on purpose: what is sent passes
// Write.
type conn struct {
	net.Conn
	reads, writes deadline

	// lines of the header of the answer that net/http is about to send, nil for none.
	// One answer is sent after the other, by one goroutine.
	lines *[]byte
	// guessed says that the type of the body is among the lines, and what net/http took it
	// for is not to be sent.
	guessed bool

	lookout lookout
}

// buffers for lines and for what they become a part of. Connections that wait hold none.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

var errNoStatusLine = errors.New("web: an answer does not begin with its status line")

// Write puts the lines behind the status line, with which every answer begins: net/http
// sends all of one before it asks for the next.
func (c *conn) Write(p []byte) (int, error) {
	if c.lines == nil {
		return c.write(p)
	}
	end := bytes.Index(p, []byte("\r\n")) + len("\r\n")
	if !bytes.HasPrefix(p, []byte("HTTP/1.")) || end < len("\r\n") {
		return 0, errNoStatusLine
	}
	whole := buffers.Get().(*[]byte)
	*whole = append(append((*whole)[:0], p[:end]...), *c.lines...)
	rest := p[end:]
	if c.guessed {
		before, after := withoutType(rest)
		*whole, rest = append(*whole, before...), after
	}
	*whole = append(*whole, rest...)
	n, err := c.write(*whole)
	if err == nil {
		n = len(p)
	}
	buffers.Put(c.lines)
	buffers.Put(whole)
	c.lines, c.guessed = nil, false
	return min(n, len(p)), err
}

// withoutType is what stands before and behind the line of the Content-Type in a header
// that p begins with; nothing before where there is none.
func withoutType(p []byte) (before, after []byte) {
	for at := 0; ; {
		length := bytes.Index(p[at:], []byte("\r\n"))
		if length <= 0 { // the end of the header
			return nil, p
		}
		next := at + length + len("\r\n")
		if bytes.HasPrefix(p[at:], []byte(contentType+": ")) {
			return p[:at], p[next:]
		}
		at = next
	}
}

func (c *conn) write(p []byte) (n int, err error) {
	err = c.writes.do(func() error {
		m, err := c.Conn.Write(p[n:])
		n += m
		return err
	})
	return n, err
}

// Read skips a background read of net/http where nobody waits for what that is for. net/http reads
// one byte then, and without a deadline, which NewServer's bounds leave to nothing else; where
// it is given none, and no error, its backgroundRead ends as if it had not begun.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	background := len(p) == 1 && c.reads.endless()
	if n := c.takeOver(p, background); n > 0 {
		return n, nil
	}
	if background && c.lookout.skips() {
		return 0, nil
	}
	return c.read(p)
}

func (c *conn) read(p []byte) (n int, err error) {
	err = c.reads.do(func() (err error) {
		n, err = c.Conn.Read(p)
		return err
	})
	return n, err
}

func (c *conn) SetReadDeadline(t time.Time) error { return c.reads.move(t) }

func (c *conn) SetWriteDeadline(t time.Time) error { return c.writes.move(t) }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// CloseWrite lets net/http linger, so that a client reads a refusal before the
// connection is reset.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
