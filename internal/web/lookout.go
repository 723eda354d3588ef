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
// a background read of its connection, which nearly always finds nothing, and puts a goroutine to
// sleep and wakes it again for that (decisions/reads.md has what it costs). Err alone does not
// tell of a client who left. A request has one LazyContext at most.
func LazyContext(c echo.Context) context.Context {
	ctx, conn := Context(c), connOf(c.Request())
	if conn == nil {
		return ctx
	}
	l := &lazyContext{Context: ctx, conn: conn}
	conn.lookout.postpone(l)
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

// answered tells whether its request has been: net/http ends its context before it reads on.
func (l *lazyContext) answered() bool { return l.Context.Err() != nil }

// lookout is who looks out for a client that leaves while its request is answered: net/http
// by its background read, or, where that was skipped, a read of ours.
type lookout struct {
	used atomic.Bool // whether anything of the rest is: most requests have no LazyContext

	mu      sync.Mutex
	lazy    *lazyContext // of a request, if it has one on which nobody waits
	skipped bool         // net/http's background read for it has come and gone
	ours    *ownRead     // nil for none
}

// ownRead reads the first byte of the next request. What it finds is set before done is closed.
type ownRead struct {
	done chan struct{}
	b    [1]byte
	n    int
}

// postpone has net/http's background read of this request skipped, if it has not begun.
func (o *lookout) postpone(l *lazyContext) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lazy, o.skipped = l, false
	o.used.Store(true)
}

// skips tells whether a background read that begins is to be skipped. It is not where it is of the
// next request, which may have come in the same piece, so that nothing was read between them.
// Nor is a second one, should net/http insist: from then on it looks out.
func (o *lookout) skips() bool {
	if !o.used.Load() {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.skipped || o.lazy == nil || o.lazy.answered() {
		o.lazy, o.skipped = nil, false
		return false
	}
	o.skipped = true
	return true
}

// look calls left when the client leaves. Where net/http's background read is under way, or has
// yet to begin, that ends the request's context, and nothing more is to be done. The same goes
// for a request that has been answered, or whose body was read meanwhile.
func (c *conn) look(l *lazyContext, left func()) {
	o := &c.lookout
	o.mu.Lock()
	defer o.mu.Unlock()
	if l.answered() {
		return
	}
	o.lazy = nil
	if !o.skipped {
		return
	}
	r := &ownRead{done: make(chan struct{})}
	o.ours, o.skipped = r, false
	go func() {
		defer close(r.done)
		var err error
		r.n, err = c.read(r.b[:])
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) { // by which net/http reads on
			left()
		}
	}()
}

// takeOver ends our read, as net/http is about to read, in the background or what comes next, and
// moves to p what ours has found.
func (c *conn) takeOver(p []byte, background bool) (found int) {
	o := &c.lookout
	if !o.used.Load() {
		return 0
	}
	o.mu.Lock()
	r := o.ours
	o.ours = nil
	if !background {
		o.lazy, o.skipped = nil, false
		o.used.Store(false)
	}
	o.mu.Unlock()
	if r == nil {
		return 0
	}
	c.reads.interrupt(r.done)
	return copy(p, r.b[:r.n])
}
