package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"sical-backend/events"
	"sical-backend/internal/admission"
	"sical-backend/internal/cache"
	"sical-backend/internal/reading"
	"sical-backend/internal/web"
	"sical-backend/query"
)

// Answers gives answers, from memory where it may, as cache.Cache does.
type Answers interface {
	Do(context.Context, cache.Question) (cache.Answer, error)
	// Lookup is the answer to the question with the key that is in memory and has
	// the position, if there is one.
	Lookup(key string, least uint64) (cache.Answer, bool)
}

// API serves the Routes.
type API struct {
	answerer *query.Answerer
	answers  Answers
	waiter   Waiter
	today    func() events.Date // in UTC
	warm     atomic.Bool        // Warm has done its work
}

// New makes an API that has its questions answered by answers.
func New(answerer *query.Answerer, answers Answers, waiter Waiter) *API {
	return &API{answerer: answerer, answers: answers, waiter: waiter, today: func() events.Date { return events.DateOf(time.Now()) }}
}

// Register adds the Routes to e.
func (a *API) Register(e *echo.Echo) {
	for _, r := range Routes() {
		handler := a.handler(&r)
		e.GET(web.Pattern(r.Path), handler)
		e.HEAD(web.Pattern(r.Path), handler)
	}
}

// Warm has the hot answers of today in memory: the popular goals, the trending
// points and the statistics. It fails where one cannot be loaded, and does nothing
// after it has succeeded once: a process asks before it says that it is ready. What it has begun
// goes on when ctx ends: whoever probes has little time, and what is given up would never be there.
// Each has the time that an answer has, also where it joins the load of others who have less.
func (a *API) Warm(ctx context.Context) error {
	if a.warm.Load() {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	r := usual(a.today())
	for _, q := range []query.Question{a.answerer.PopularGoals(r), a.answerer.TrendingPoints(r), a.answerer.Statistics(r.At)} {
		if err := a.warmUp(ctx, q); err != nil {
			return fmt.Errorf("warm up: %w", err)
		}
	}
	a.warm.Store(true)
	return nil
}

func (a *API) warmUp(ctx context.Context, q query.Question) error {
	ctx, cancel := context.WithTimeout(ctx, web.AnswerWithin)
	defer cancel()
	_, err := a.answers.Do(ctx, a.cached(q, 0))
	return err
}

// usual is the ranking that most ask for on a day.
func usual(day events.Date) query.Ranking {
	return query.Ranking{At: day, Limit: defaultLimit}
}

func (a *API) handler(r *Route) echo.HandlerFunc {
	known := names(r.Params)
	return func(c echo.Context) error { return refused(a.serve(c, r, known)) }
}

// refused is the problem that an error of a question is answered with; others stay
// what they are.
func refused(err error) error {
	if over, ok := errors.AsType[*admission.OverloadError](err); ok {
		return &web.Problem{Code: web.Overloaded, Detail: "The database has as much to do as it can in good time.", RetryAfter: over.RetryAfter}
	}
	switch {
	case errors.Is(err, query.ErrNotFound):
		return web.NewProblem(web.NotFound, "")
	case errors.Is(err, query.ErrCursor):
		return wrong("cursor", "is not one of this list")
	case errors.Is(err, query.ErrBeforeLog), errors.Is(err, query.ErrFuture):
		return wrong(asOf.Name, "is "+err.Error())
	case errors.Is(err, query.ErrTooManyEvents):
		return web.NewProblem(web.RuleViolated, "", web.FieldError{
			Parameter: asOf.Name, Code: "too_many_events", Detail: fmt.Sprintf("more than %d events, or more text than fits, would have to be folded", query.MostPast),
		})
	case lags(err), errors.Is(err, reading.ErrUnready):
		return behind(err)
	}
	return err
}

func (a *API) serve(c echo.Context, r *Route, known []string) error {
	in := askings.Get().(*asked)
	defer in.done()
	err := in.read(c, a, r, known)
	if err != nil {
		return err
	}
	if in.fresh, err = parseFreshness(c.Request().Header); err != nil {
		return err
	}
	q, err := r.ask(in)
	if err != nil {
		return err
	}
	fresh := in.fresh
	keep := in.keep(r.shared(), fresh)
	if q.Past >= fresh.position { // the log answers for it, whatever the views hold back
		fresh.required, fresh.position = false, 0
	}
	if err := a.misses(c, q, "", fresh); err != nil { // of an answer that is not there, too
		return err
	}
	if fresh.reached(a.waiter, q.Views) {
		if answer, ok := a.answers.Lookup(q.Key, fresh.position); ok {
			return a.give(c, q, answer, fresh, keep)
		}
	}
	ctx := in.context()
	answer, err := a.load(ctx, q, fresh)
	if errors.Is(err, query.ErrNotFound) {
		err = cmp.Or(a.misses(c, q, answer.Deps, fresh), err) // what was made just now may have been parked since
	}
	if err != nil {
		return err
	}
	return a.give(c, q, answer, fresh, keep)
}

// load answers q as current as was asked for, once the views are. That they have come to a
// position may be known before a replica has it that is read, but not before memory tells whether
// its answer has it.
func (a *API) load(ctx context.Context, q query.Question, f freshness) (answer cache.Answer, err error) {
	least, err := f.await(ctx, a.waiter, q.Views)
	if err != nil {
		return answer, err
	}
	err = a.insist(ctx, q, &f, least, func(least uint64) (err error) {
		answer, err = a.answers.Do(ctx, a.cached(q, least))
		return err
	})
	return answer, err
}

// give writes the answer, unless it misses what was asked for, which may have been
// parked since.
func (a *API) give(c echo.Context, q query.Question, answer cache.Answer, fresh freshness, keep []string) error {
	if err := a.misses(c, q, answer.Deps, fresh); err != nil {
		return err
	}
	answer.Position = max(answer.Position, q.Past)
	return write(c, answer, keep)
}

// misses says in the answer's header what is held back of what it depends on, by q or more,
// and fails where that is something up to the position asked for. What the log answers for,
// no view holds back.
func (a *API) misses(c echo.Context, q query.Question, more cache.Names, fresh freshness) error {
	if q.Past > fresh.position {
		return nil
	}
	h := c.Response().Header()
	if parked := a.waiter.Parked(q.Views, q.Deps, more); parked != "" {
		h[parkedHeader] = []string{parked}
	} else {
		delete(h, parkedHeader) // said before it was known which rows it depends on
	}
	return fresh.checkParked(a.waiter, q.Deps, more)
}

// notYet tells whether an error says that the log has not come to a position, as it may have
// for who asks a moment later.
func notYet(err error) bool {
	return errors.Is(err, query.ErrFuture) || errors.Is(err, query.ErrBehind)
}

// cached is q as the cache takes it: with the ETag made once an answer.
func (a *API) cached(q query.Question, least uint64) cache.Question {
	return cache.Question{
		Key: q.Key, Views: q.Views, Deps: q.Deps, Volatile: q.Volatile, MinPosition: least,
		Fleeting: notYet, Room: func() error { return a.answerer.Room(&q) },
		Load: func(ctx context.Context) (cache.Answer, error) {
			answer, err := a.answerer.Answer(ctx, q)
			if err != nil {
				return cache.Answer{Deps: cache.NamesOf(answer.Deps), Checkpoints: answer.Checkpoints}, err
			}
			return cache.Answer{
				Body: answer.Body, ETag: web.ETag(uint64(answer.Version), answer.Body),
				Deps: cache.NamesOf(answer.Deps), Checkpoints: answer.Checkpoints,
			}, nil
		},
	}
}
