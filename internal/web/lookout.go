package web

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
)

// LazyContext is Context for work that seldom waits for its end, which comes by the request's Ends:
// only from the first call of Done on is there a timer for that, and is it looked out for a client
// who leaves. net/http does the latter for every request, by a background read of its connection,
// which nearly always finds nothing, and puts a goroutine to sleep and wakes it again for that
// (decisions/reads.md has what it costs). Err alone tells of neither. A request has one LazyContext
// at most.
func LazyContext(c echo.Context) context.Context {
	l := &lazyContext{Context: Context(c), conn: connOf(c.Request()), ends: Ends(c)}
	if l.conn != nil {
		l.conn.lookout.postpone(l)
	}
	return l
}

// lazyContext is the context of one request.
type lazyContext struct {
	context.Context       // ends with the request
	conn            *conn // nil where it is none of Serve's: net/http looks out
	ends            time.Time
	once            sync.Once
	awaited         atomic.Pointer[awaited] // from Done on
}

// awaited ends when the client leaves, too, or when the time is over.
type awaited struct{ context.Context }

// Deadline is of context.Context.
func (l *lazyContext) Deadline() (time.Time, bool) {
	if ends, ok := l.Context.Deadline(); ok && ends.Before(l.ends) {
		return ends, true
	}
	return l.ends, true
}

// Done is of context.Context.
func (l *lazyContext) Done() <-chan struct{} {
	l.once.Do(func() {
		ctx, left := context.WithDeadline(l.Context, l.ends)
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
// for a request that has been answered, or whose body was read meanwhile, and for one that came
// over no connection of Serve's.
func (c *conn) look(l *lazyContext, left func()) {
	if c == nil {
		return
	}
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
