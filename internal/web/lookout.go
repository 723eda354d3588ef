package web

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/labstack/echo/v4"
)

// LazyContext is Context for work that seldom waits for its end: that a client has left is
// looked out for only from the first call of Done on. net/http does so for every request, by
// a read ahead on its connection, which nearly always finds nothing, puts a goroutine to
// sleep and wakes it again: 5 to 9 % of the processor time of an answer that is read from
// tables together with others. Err alone does not tell of a client who left. It is called at
// most once a request.
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

// answered tells whether the request has been: net/http ends its context before it reads on.
func (l *lazyContext) answered() bool { return l.Context.Err() != nil }

// lookout is who looks out for a client that leaves while its request is answered: net/http
// by its read ahead, unless that was spared, and else a read ahead of ours.
type lookout struct {
	used atomic.Bool // whether anything of the rest is: most requests have no LazyContext

	mu     sync.Mutex
	lazy   *lazyContext // of a request, if it has one on which nobody waits
	spared bool         // net/http's read ahead for it has come and gone
	ahead  *ahead       // ours, nil for none
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

// spares tells net/http's read ahead whether to do nothing: once, did it ask again. A request
// may have been in the same piece as the one before, so that nothing was read between them.
func (o *lookout) spares() bool {
	if !o.used.Load() {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.spared || o.lazy == nil || o.lazy.answered() {
		return false
	}
	o.spared = true
	return true
}

// look calls left when the client leaves. Where net/http's read ahead is under way, or has yet
// to begin, that ends the request's context, and nothing more is to be done. The same goes for
// a request that has been answered, or whose body was read meanwhile.
func (c *conn) look(l *lazyContext, left func()) {
	o := &c.lookout
	o.mu.Lock()
	defer o.mu.Unlock()
	if l.answered() {
		return
	}
	o.lazy = nil
	if !o.spared {
		return
	}
	a := &ahead{done: make(chan struct{})}
	o.ahead, o.spared = a, false
	go func() {
		defer close(a.done)
		if a.n, _ = c.read(a.b[:]); a.n == 0 {
			left() // or the request has been answered, and nobody waits any more
		}
	}()
}

// goOn lets net/http read: the next request, unless it reads ahead of one once more. It ends
// our read ahead, and moves to p what that has found.
func (c *conn) goOn(p []byte, again bool) (found int) {
	o := &c.lookout
	if !o.used.Load() {
		return 0
	}
	o.mu.Lock()
	a := o.ahead
	o.ahead = nil
	if !again {
		o.lazy, o.spared = nil, false
		o.used.Store(false)
	}
	o.mu.Unlock()
	if a == nil {
		return 0
	}
	c.reads.interrupt(a.done)
	return copy(p, a.b[:a.n])
}
