package query

import (
	"errors"
	"sync"
	"time"
)

// ErrOverloaded is returned where as many questions are being answered from the
// tables as can be in good time. It costs next to nothing, and the others are
// answered as if nobody had asked more.
var ErrOverloaded = errors.New("query: as many questions as the database can take are being answered")

// What a limiter holds to.
const (
	loadTarget   = 250 * time.Millisecond // what a question may take on average
	limitWindow  = 100 * time.Millisecond // how often it looks, at most
	limitSamples = 10                     // answers that a look is based on, at least

	mostLimit = 10_000

	// Questions for each connection: at least, and to begin with, which is as many as
	// take a few tenths of a second, alone or gathered. A thousand people who each ask
	// for a list at the same moment are no overload.
	leastOfConn, aloneOfConn, gatheredOfConn = 2, 120, 400
)

// limiter bounds how many questions are under way to the tables. How many that are
// follows from how long they take: more while they are quick and somebody would
// come, fewer once they take longer than the target, as many as to begin with when
// that is over. It heeds the time alone, not
// how it compares to an idle system's: what is read in groups takes longer the
// larger they are, and is the cheaper for it.
type limiter struct {
	now          func() time.Time
	least, first float64

	mu       sync.Mutex
	limit    float64
	underWay int

	// Since the last look:
	looked time.Time
	peak   int // most under way
	ended  int
	took   time.Duration // all that ended, together
}

// newLimiter makes one that lets in so many at least, and to begin with.
func newLimiter(least, first int, now func() time.Time) *limiter {
	return &limiter{now: now, least: float64(least), first: float64(first), limit: float64(first), looked: now()}
}

// enter lets a question in, and tells when; each that was let in must leave. It
// fails with ErrOverloaded.
func (l *limiter) enter() (began time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.underWay >= int(l.limit) {
		l.peak = l.underWay
		return began, ErrOverloaded
	}
	l.underWay++
	l.peak = max(l.peak, l.underWay)
	return l.now(), nil
}

// leave counts a question that has ended. One that failed quickly says nothing of
// how much more there may be.
func (l *limiter) leave(began time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay--
	now := l.now()
	took := now.Sub(began)
	if err != nil && took < loadTarget {
		return
	}
	l.ended++
	l.took += took
	if l.ended >= limitSamples && now.Sub(l.looked) >= limitWindow {
		l.look()
		l.looked, l.peak, l.ended, l.took = now, l.underWay, 0, 0
	}
}

// look moves the limit. The lock is held.
func (l *limiter) look() {
	average := l.took / time.Duration(l.ended)
	switch {
	case average > loadTarget:
		// As many as would have taken the target, by Little's law, but not at one go:
		// what ends now was let in by an earlier limit.
		l.limit = max(l.least, l.limit*max(float64(loadTarget)/float64(average), .8))
	case average < loadTarget*3/4 && (l.limit < l.first || l.peak >= int(l.limit*.9)):
		l.limit = min(mostLimit, l.limit*1.1)
	}
}

// state tells how many questions are under way, and how many may be.
func (l *limiter) state() (underWay, limit int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.underWay, int(l.limit)
}
