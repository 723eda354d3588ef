package cache

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

const (
	// loadLimit is for a load, at most: for as long a request is worked on. Whoever asked may
	// have less of it left, having waited for a position.
	loadLimit = 7 * time.Second
	// togetherFor is how far apart the ends of loads may be that end at the same time.
	togetherFor = time.Second / 2

	mostEnds = 16 // more than there are togetherFor apart within loadLimit
)

// loadDeadlines are when loads are given up: when whoever began them is to be answered, or a
// little before. Those that end at about the same time share one timer: that of each alone was
// one part in fifty of a load of which the reading is shared. There are several for the same
// end, so that many processors do not meet at the lock of one.
type loadDeadlines struct {
	last [8][mostEnds]atomic.Pointer[until]
}

// until is the end of loads.
type until struct {
	context.Context
	at   int64              // how many times togetherFor after began
	stop context.CancelFunc // never called: it ends by itself, and holds nothing but a timer
}

// over is ctx, but ended by nothing else than that the load takes too long: for the deadline of
// ctx, or at all.
func (d *loadDeadlines) over(ctx context.Context) context.Context {
	end := time.Now().Add(loadLimit)
	if its, ok := ctx.Deadline(); ok && its.Before(end) {
		end = its
	}
	at := int64(end.Sub(began) / togetherFor)
	if end.Before(began) { // by the clock of a test
		at-- // or it would be rounded up
	}
	place := &d.last[rand.IntN(len(d.last))][uint64(at)%mostEnds]
	last := place.Load()
	if last == nil || last.at != at {
		last = &until{at: at}
		last.Context, last.stop = context.WithDeadline(context.Background(), began.Add(time.Duration(at)*togetherFor))
		place.Store(last)
	}
	return &loadContext{last.Context, ctx}
}

// loadContext is the context of a load: that of who asked for it, with another end.
type loadContext struct {
	context.Context
	asker context.Context
}

// Value gives what the end has first: by a key of its own package a context that is made of
// this one is ended with it, and without a goroutine for that.
func (l *loadContext) Value(key any) any {
	if v := l.Context.Value(key); v != nil {
		return v
	}
	return l.asker.Value(key)
}
