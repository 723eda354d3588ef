package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sical-backend/internal/cache"
	"sical-backend/internal/reading"
	"sical-backend/internal/web"
	"sical-backend/query"
)

// minPosition is the header by which a client asks to see its own write: the
// Sical-Position that answered its command.
const minPosition = "Sical-Min-Position"

// defaultWait is how long a client waits for a position that does not say.
const defaultWait = 2 * time.Second

// freshness is how current an answer must be.
type freshness struct {
	required bool          // a position is asked for
	position uint64        // that the answer must have
	wait     time.Duration // for it, at most
	ends     time.Time     // of the wait, zero until it has begun
	lenient  bool          // an older answer is better than none
}

// until is when the wait ends: one for everything that the answer needs.
func (f *freshness) until() time.Time {
	if f.ends.IsZero() {
		f.ends = time.Now().Add(f.wait)
	}
	return f.ends
}

// parseFreshness reads Sical-Min-Position and Prefer (RFC 7240). A preference
// that makes no sense is ignored, as the RFC wants; a position is not.
func parseFreshness(h http.Header) (freshness, error) {
	f := freshness{wait: defaultWait}
	lines := h.Values(minPosition)
	if len(lines) == 0 {
		return f, nil
	}
	position, err := strconv.ParseUint(lines[0], 10, 63)
	if err != nil || len(lines) > 1 || lines[0][0] == '+' {
		return f, web.NewProblem(web.InvalidHeader, "",
			web.FieldError{Header: minPosition, Code: string(web.InvalidHeader), Detail: "expected one position"})
	}
	f.required, f.position = true, position
	prefer := preferences(h)
	if seconds, err := strconv.ParseUint(prefer["wait"], 10, 31); err == nil {
		f.wait = min(time.Duration(seconds)*time.Second, cache.MaxWait)
	}
	f.lenient = strings.EqualFold(prefer["handling"], "lenient")
	return f, nil
}

// preferences are the values of what is preferred; of what is said twice the first counts.
func preferences(h http.Header) map[string]string {
	prefer := map[string]string{}
	for preference := range strings.SplitSeq(strings.Join(h.Values("Prefer"), ","), ",") {
		preference, _, _ = strings.Cut(preference, ";")
		name, value, _ := strings.Cut(preference, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, said := prefer[name]; !said {
			prefer[name] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return prefer
}

// Waiter waits until views have a position, and knows which they have and what they hold
// back, as cache.Positions does.
type Waiter interface {
	Applied(view string) uint64
	Wait(ctx context.Context, views []string, position uint64, patience time.Duration) error
	// Shows tells whether the server that is read has it, too, as far as is known.
	Shows(views []string, position uint64) bool
	// WaitAgain is for who has waited, and reads less: it lets a pause pass at least.
	WaitAgain(ctx context.Context, views []string, position uint64, pause, patience time.Duration) error
	Parked(views []string, deps func() []string, more cache.Names) string
	CheckParked(position uint64, deps func() []string, more cache.Names) error
}

// parkedHeader is the header that says what of an answer is held back.
const parkedHeader = "Sical-Parked"

// checkParked fails where an answer that depends on deps or more misses something up to the
// position asked for, as it is parked. No waiting helps.
func (f freshness) checkParked(w Waiter, deps func() []string, more cache.Names) error {
	if !f.required || f.lenient {
		return nil
	}
	if err := w.CheckParked(f.position, deps, more); err != nil {
		return behind(err)
	}
	return nil
}

// reached tells whether the views are known to have the position asked for, and with it what
// is parked up to there. An answer may have it sooner, by what its load found in the tables.
func (f freshness) reached(w Waiter, views []string) bool {
	if !f.required || f.lenient {
		return true
	}
	for _, view := range views {
		if w.Applied(view) < f.position {
			return false
		}
	}
	return true
}

// await waits until the views have the position asked for and returns the one
// that the answer must have: 0 where an older answer will do.
func (f *freshness) await(ctx context.Context, w Waiter, views []string) (uint64, error) {
	if !f.required {
		return 0, nil
	}
	err := w.Wait(ctx, views, f.position, time.Until(f.until()))
	if err == nil {
		return f.position, nil
	}
	return 0, f.inVain(ctx, err)
}

// inVain is what a wait that has failed is answered with, nil where an older answer will do.
func (f *freshness) inVain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err = behind(err)
	if problem, ok := errors.AsType[*web.Problem](err); ok && f.lenient && problem.Status() == http.StatusServiceUnavailable {
		return nil
	}
	return err
}

// insist asks for the answer to q that has the position least until that is given. While the server
// that is read is known to lack it, nobody asks for what memory does not have: it may lag more
// than was known, too. In between insist waits for what a look at it shows. Of several servers
// another may be read than was looked at: who is woken in vain waits longer each time. Once the
// time has come, an older answer may do.
func (a *API) insist(ctx context.Context, q query.Question, f *freshness, least uint64, ask func(least uint64) error) error {
	for pause := time.Duration(0); ; pause = min(2*pause+10*time.Millisecond, 200*time.Millisecond) {
		there := a.waiter.Shows(q.Views, least)
		if !there {
			_, there = a.answers.Lookup(q.Key, least)
		}
		err := cache.ErrBehind
		if there {
			err = ask(least)
		}
		if !lags(err) {
			return err
		}
		if err = a.waiter.WaitAgain(ctx, q.Views, least, pause, time.Until(f.until())); err != nil {
			if err = f.inVain(ctx, err); err == nil {
				err = ask(0)
			}
			return err
		}
	}
}

// lags tells whether what was read has not come as far as it must have.
func lags(err error) bool {
	return errors.Is(err, cache.ErrBehind) || errors.Is(err, query.ErrBehind) || errors.Is(err, reading.ErrOtherBuild)
}

// patiently asks the log for what has the position least until what is read does not lag any
// more; once the time has come, an older answer may do.
func (f *freshness) patiently(ctx context.Context, least uint64, ask func(least uint64) error) error {
	err := patiently(ctx, f.until(), func() error { return ask(least) })
	if f.lenient && lags(err) {
		return ask(0)
	}
	return err
}

// patiently asks until what is read does not lag any more, or the time has come.
func patiently(ctx context.Context, ends time.Time, ask func() error) error {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		err := ask()
		left := time.Until(ends)
		if !lags(err) || left <= 0 {
			return err
		}
		select {
		case <-time.After(min(pause, left)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// behind is the problem of an answer that is not as current as was asked for; errors of anything
// else stay what they are.
func behind(err error) error {
	stopped, ok := errors.AsType[*cache.StoppedError](err)
	parked, held := errors.AsType[*cache.ParkedError](err)
	switch {
	case held:
		return web.NewProblem(web.ViewParked, "Events of "+parked.Key+" are held back until they can be folded.")
	case errors.Is(err, cache.ErrPositionUnknown):
		return web.NewProblem(web.PositionUnknown, "")
	case errors.Is(err, cache.ErrTooManyWaiters):
		return web.NewProblem(web.Overloaded, "Too many requests wait for a view.")
	case ok && stopped.Paused():
		return web.NewProblem(web.ViewPaused, "The view "+stopped.View+" is paused.")
	case ok:
		return web.NewProblem(web.NotCaughtUp, "The view "+stopped.View+" has stopped.")
	case lags(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, reading.ErrUnready):
		return web.NewProblem(web.NotCaughtUp, "")
	}
	return err
}
