// Package admission decides how much work is begun: a Limiter refuses what could not be done
// in good time, and a Semaphore has the rest take turns.
package admission

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// OverloadError is returned where as many questions to the database are under way as can be
// answered in good time. Refusing costs next to nothing, and the others are answered as if
// nobody else had asked.
type OverloadError struct {
	RetryAfter time.Duration // when to ask again: the later the more are refused, and not all at once
}

// Error says why nothing was answered.
func (*OverloadError) Error() string {
	return "the database has as much to do as it can in good time"
}

// What a limiter holds to.
const (
	loadTarget   = 250 * time.Millisecond // what a question may take on average
	limitWindow  = 100 * time.Millisecond // how often it looks, at most
	limitSamples = 10                     // answers that a look is based on, at least
	limitFades   = .9                     // what a look leaves of the best rate of those before
	loadMost     = 5 * loadTarget / 4     // what a question may take that is let in while there are too many
	limitGrace   = loadMost               // how long too many may be under way before more are refused

	mostLimit = 10_000
	mostRetry = 10 // seconds
)

// Limiter bounds how many questions are under way to the database: requests that ask it something,
// or have it append a command's events. It learns the bound from how long they take: more while
// they are quick and somebody would come, fewer once they take longer than the target, and the
// first bound again once nobody is there. It does not compare with the time that an idle system
// takes: what is read in groups takes longer the larger they are, and costs less for it.
//
// How long answers take shows too late that far too many have come: by then all of them are
// late. So, as far as the rate is known, no more are let in than are answered within one and
// a quarter times the target (Little's law). Half of them take longer than that, and are to be
// there within twice the target. Too many for a moment are let in all the same, such as those
// who came while a checkpoint of the database held everybody up: to wait a little longer is
// better than to be refused. That is how CoDel tells a good queue from a bad one (Nichols and
// Jacobson, 2012).
//
// The rush that begins an overload is let in before anybody knows of it. Of those who wait
// for a turn, or to be read together, whoever would be too late is refused when the turn
// comes, as CoDel does, so that the work goes to those it is of use to.
//
// A process that lacks processors keeps its requests waiting before they come here, the
// refusals among them, and what is let in takes of the same processors. So that wait counts as
// a part of what a question takes, as in DAGOR (Zhou et al., 2018, "Overload Control for Scaling
// WeChat Microservices"), which goes by nothing else.
//
// Its methods may be called by many at a time.
type Limiter struct {
	now                func() time.Time
	wait               func() time.Duration
	least, first, busy float64

	mu       sync.Mutex
	limit    float64
	underWay int
	delay    time.Duration // before a question comes here, as of the last look
	rate     float64       // answers a second, the best of late; 0 for unknown
	over     time.Time     // since when too many have been under way; zero for not
	excess   float64       // refused for each that was answered, before the last look

	// Since the last look:
	looked, moved  time.Time
	spent          time.Duration // by all that were under way, together
	took           time.Duration // by all that ended, together
	ended, refused int
}

// NewLimiter makes a Limiter that lets in least questions at any time, fewer only where
// processors are short, and first to begin with. With busy of them under way there is enough
// to do to tell the rate. now is its clock, and wait tells how long a question has waited
// before it comes here.
func NewLimiter(least, first, busy int, now func() time.Time, wait func() time.Duration) *Limiter {
	return &Limiter{now: now, wait: wait, least: float64(least), first: float64(first), busy: float64(busy), limit: float64(first)}
}

// enter lets a question in, and tells when; each that was let in must leave. It
// fails with an OverloadError.
func (l *Limiter) enter() (began time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if err := l.full(now); err != nil {
		return began, err
	}
	if l.quiet(now) {
		l.forget(now)
	}
	l.move(now, 1)
	return now, nil
}

// Room fails with an OverloadError where Do and Together would refuse a question at once.
func (l *Limiter) Room() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.full(l.now())
}

// full fails with an OverloadError where nobody else may be under way. The lock is held.
func (l *Limiter) full(now time.Time) error {
	l.watch(now)
	if l.underWay < l.most(now) {
		return nil
	}
	return l.refusal()
}

// refusal refuses a question. The lock is held.
func (l *Limiter) refusal() error {
	l.refused++
	return &OverloadError{RetryAfter: l.retryAfter()}
}

// leave counts a question that has ended. One that was refused, or failed quickly, says
// nothing of how much more there may be.
func (l *Limiter) leave(began time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.move(now, -1)
	if err != nil && (errors.As(err, new(*OverloadError)) || now.Sub(began) < loadTarget) {
		return
	}
	l.ended++
	l.took += now.Sub(began)
	if since := now.Sub(l.looked); l.ended >= limitSamples && since >= limitWindow {
		l.look(now, since)
		l.begin(now)
	}
}

// move counts so many more under way. The lock is held, as by all that follow.
func (l *Limiter) move(now time.Time, more int) {
	l.spent += time.Duration(l.underWay) * now.Sub(l.moved)
	l.moved = now
	l.underWay += more
}

// quiet tells whether a rush is over: nobody is there, and either nobody has been refused of
// late or nobody has come for a moment. Where few are let in, each may be the last of them.
func (l *Limiter) quiet(now time.Time) bool {
	return l.underWay == 0 && (l.refused == 0 && l.excess == 0 || now.Sub(l.moved) >= limitWindow)
}

// forget has the next rush let in as the first was.
func (l *Limiter) forget(now time.Time) {
	l.limit, l.delay, l.rate, l.excess, l.over = l.first, 0, 0, 0, time.Time{}
	l.begin(now)
}

func (l *Limiter) begin(now time.Time) {
	l.looked, l.moved, l.spent, l.took, l.ended, l.refused = now, now, 0, 0, 0, 0
}

// fits is how many have their answer in one and a quarter times the target; what is not known
// has no limit.
func (l *Limiter) fits() float64 {
	if l.rate == 0 {
		return mostLimit
	}
	return max(l.floor(), l.rate*(loadMost-l.delay).Seconds())
}

// floor is how many are let in however long they take. Where more than half of the target has
// gone by before they come here, they are fewer.
func (l *Limiter) floor() float64 {
	left := 1 - l.delay.Seconds()/loadTarget.Seconds()
	return max(1, l.least*min(1, 2*left))
}

// watch notes since when there are too many. That is over once half as many fit: while
// more come than are answered, those under way are never far below what fits.
func (l *Limiter) watch(now time.Time) {
	switch underWay, fits := float64(l.underWay), l.fits(); {
	case underWay < fits/2:
		l.over = time.Time{}
	case underWay >= fits && underWay > l.floor() && l.over.IsZero():
		l.over = now
	}
}

// tooMany tells whether there have been too many for longer than a moment.
func (l *Limiter) tooMany(now time.Time) bool {
	return !l.over.IsZero() && now.Sub(l.over) >= limitGrace
}

// most is how many may be under way.
func (l *Limiter) most(now time.Time) int {
	most := l.limit
	if l.tooMany(now) {
		most = min(most, l.fits())
	}
	return int(max(most, l.floor()))
}

// look moves the limit by what has been done since the last look. A moment without
// progress, such as a checkpoint of the database, does not count for much.
func (l *Limiter) look(now time.Time, since time.Duration) {
	l.excess = float64(l.refused) / float64(l.ended)
	most := float64(l.most(now))
	mean := float64(l.spent) / float64(since)
	if mean < min(l.busy, .9*most) {
		l.rate = 0
	} else {
		l.rate = max(float64(l.ended)/since.Seconds(), l.rate*limitFades)
	}
	l.delay = l.wait()
	average := l.delay + l.took/time.Duration(l.ended)
	switch {
	case average > loadTarget:
		// As many as would have taken the target, but not at one go: what ends now was
		// let in by an earlier limit.
		l.limit = max(l.floor(), float64(l.most(now))*max(float64(loadTarget)/float64(average), .8))
	case average < loadTarget*3/4 && (l.limit < l.first || mean >= .9*most):
		l.limit = min(mostLimit, l.limit*1.1)
	}
}

// retryAfter is a second and up to as many more as there are refused for each that is
// answered: about so many come back in a second as there is room for.
func (l *Limiter) retryAfter() time.Duration {
	more := min(l.excess, mostRetry-1) * float64(time.Second)
	return time.Second + time.Duration(rand.Float64()*more)
}

// State tells how many questions are under way, and how many may be.
func (l *Limiter) State() (underWay, limit int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.underWay, l.most(l.now())
}
