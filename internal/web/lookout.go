package web

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"

	"github.com/labstack/echo/v4"
)

// LazyContext is Context for work that seldom waits for its end: that a client has left is
// looked out for only from the first call of Done on. net/http does so for every request, by
// a read ahead on its connection, which nearly always finds nothing, puts a goroutine to
// sleep and wakes it again: 6 % of the processor time of an answer that is read from tables
// together with others. Err alone does not tell of a client who left.
func LazyContext(c echo.Context) context.Context {
	ctx, conn := Context(c), connOf(c.Request())
	if conn == nil {
		return ctx
	}
	l := &lazyContext{Context: ctx, conn: conn}
	conn.lookout.spare(l)
	return l
}

// lazyContext is the context of one request.
type lazyContext struct {
	context.Context // ends with the request
	conn            *conn
	once            sync.Once
	awaited         atomic.Pointer[awaited] // from Done on
}

// awaited ends when the client leaves, too.
type awaited struct{ context.Context }

// Done is of context.Context.
func (l *lazyContext) Done() <-chan struct{} {
	l.once.Do(func() {
		ctx, left := context.WithCancel(l.Context)
		l.awaited.Store(&awaited{ctx})
		l.conn.look(l, left)
	})
	return l.current().Done()
}

// Err is of context.Context.
func (l *lazyContext) Err() error { return l.current().Err() }

// Value is of context.Context. By a key of its own package a context made of this one ends
// with the awaited one without a goroutine for that.
func (l *lazyContext) Value(key any) any { return l.current().Value(key) }

func (l *lazyContext) current() context.Context {
	if a := l.awaited.Load(); a != nil {
		return a
	}
	return l.Context
}

// lookout is who looks out for a client that leaves while its request is answered: net/http
// by its read ahead, unless that was spared, and else a read ahead of ours.
type lookout struct {
	used atomic.Bool // whether anything of the rest is: most requests have no LazyContext

	mu     sync.Mutex
	lazy   *lazyContext // of the request, if it has one on which nobody waits
	spared bool         // net/http's read ahead has come and gone
	ahead  *ahead       // ours, nil for none
	gone   bool         // which has found that the client is
}

// ahead is a read of the first byte of the next request. What it finds is set before done
// is closed.
type ahead struct {
	done chan struct{}
	b    [1]byte
	n    int
}

// spare makes net/http's read ahead of this request do nothing, if it has not begun.
func (o *lookout) spare(l *lazyContext) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lazy, o.spared = l, false
	o.used.Store(true)
}

// spares tells net/http's read ahead whether to do nothing.
func (o *lookout) spares() bool {
	if !o.used.Load() {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.spared = o.lazy != nil
	return o.spared
}

// rest ends the looking out for a request, as the next one is read.
func (o *lookout) rest() {
	if !o.used.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lazy, o.spared = nil, false
	o.used.Store(false)
}

// look calls left when the client leaves. Where net/http's read ahead is under way, or has yet
// to begin, that ends the request's context, and nothing more is to be done.
func (c *conn) look(l *lazyContext, left func()) {
	o := &c.lookout
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lazy != l {
		return // its request has been answered
	}
	o.lazy = nil
	if !o.spared {
		return
	}
	a := &ahead{done: make(chan struct{})}
	o.ahead, o.spared = a, false
	go func() {
		defer close(a.done)
		var err error
		if a.n, err = c.read(a.b[:]); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			return // with a byte, or as net/http is to read
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.gone = true
		left()
	}()
}

// halt ends our read ahead, as net/http goes on to read, and moves to p what it has found.
func (c *conn) halt(p []byte) (n int) {
	o := &c.lookout
	if !o.used.Load() {
		return 0
	}
	o.mu.Lock()
	a := o.ahead
	o.ahead = nil
	o.mu.Unlock()
	if a == nil {
		return 0
	}
	c.reads.interrupt(a.done)
	return copy(p, a.b[:a.n])
}

// left tells whether our read ahead has found that the client is gone.
func (o *lookout) left() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gone
}
