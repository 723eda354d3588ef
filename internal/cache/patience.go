package cache

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

const (
	loadLimit = 10 * time.Second // for a load, at least; whoever asked may have less patience
	// togetherFor is how long loads may begin apart that end at the same time.
	togetherFor = time.Second
)

// patience is when loads are given up. Those that begin at about the same time share one
// timer: that of each alone was one part in fifty of a load of which the reading is shared.
// There are several, so that many processors do not meet at the lock of one.
type patience struct{ last [8]atomic.Pointer[until] }

// until is the end of loads that began since then.
type until struct {
	context.Context
	since time.Time
	stop  context.CancelFunc // never called: it ends by itself, and holds nothing but a timer
}

// over is ctx, but ended by nothing else than that the load takes too long.
func (p *patience) over(ctx context.Context) context.Context {
	place := &p.last[rand.IntN(len(p.last))]
	last := place.Load()
	if last == nil || time.Since(last.since) > togetherFor {
		last = &until{since: time.Now()}
		last.Context, last.stop = context.WithTimeout(context.Background(), loadLimit+togetherFor)
		place.Store(last)
	}
	return &load{last.Context, ctx}
}

// load is the context of a load: that of who asked for it, with another end.
type load struct {
	context.Context
	asker context.Context
}

// Value gives what the end has first: by a key of its own package a context that is made of
// this one is ended with it, and without a goroutine for that.
func (l *load) Value(key any) any {
	if v := l.Context.Value(key); v != nil {
		return v
	}
	return l.asker.Value(key)
}
