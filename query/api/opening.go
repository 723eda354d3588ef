package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sical-backend/internal/cache"
	"sical-backend/internal/live"
	"sical-backend/internal/web"
	"sical-backend/query"
)

// open answers with the first event, or a problem, and goes on.
func (f *following) open(c echo.Context) error {
	var err error
	f.stream, err = f.live.Hub.Open(f.principal.UserID)
	switch {
	case errors.Is(err, live.ErrTooMany):
		return &web.Problem{Code: web.TooManyRequests, Detail: "Too many streams are open.", RetryAfter: Usual.Heartbeat}
	case err != nil:
		return &web.Problem{Code: web.Overloaded, Detail: "Too many streams are open.", RetryAfter: Usual.Heartbeat}
	}
	defer f.stream.Close()
	f.history = f.live.Incarnation()
	reset, first, err := f.wait(web.Ends(c))
	if err != nil {
		return err
	}
	if !f.live.Lives(f.principal) { // it may have ended while all that was waited for
		return web.NewProblem(web.Unauthenticated, "The session has ended.")
	}
	h := c.Response().Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	c.Response().WriteHeader(http.StatusOK)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	f.w, f.out = c.Response(), http.NewResponseController(c.Response())
	// A stream is read for as long as it lives; what is written has its own deadline.
	if err := f.out.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if f.begin(reset, first) == nil {
		f.run(f.asked.ctx)
	}
	return nil
}

// wait is resume and first, by the time that an answer has to be there: the stream itself
// ends with its client.
func (f *following) wait(ends time.Time) (reset bool, first cache.Answer, err error) {
	stays := f.asked.ctx
	opening, cancel := context.WithDeadline(stays, ends)
	defer cancel()
	f.asked.ctx = opening
	defer func() { f.asked.ctx = stays }()
	if reset, err = f.resume(); err != nil {
		return reset, first, err
	}
	first, err = f.first()
	return reset, first, err
}

// resume waits until this process is as far as the client, who must not go back in
// time. reset tells that what it has is of another history.
func (f *following) resume() (reset bool, err error) {
	if f.last == "" {
		return false, nil
	}
	part := strings.Split(f.last, ".")
	position, err := strconv.ParseUint(part[min(1, len(part)-1)], 10, 63)
	if len(part) != 3 || err != nil || part[0] != f.history.String() {
		f.last = ""
		return true, nil
	}
	q, err := f.ask(f.asked)
	if err != nil {
		return false, err
	}
	err = f.waiter.Wait(f.asked.ctx, q.Views, position, time.Until(f.asked.fresh.until()))
	switch {
	case errors.Is(err, cache.ErrPositionUnknown):
		f.last = ""
		return true, nil
	case err != nil:
		return false, behind(err)
	}
	f.at = position
	return false, nil
}

// first is the answer that the stream begins with, as current as the client has asked for
// and not older than what it has. That the views have come to a position may be known
// before a replica has it that is read.
func (f *following) first() (answer cache.Answer, err error) {
	q, err := f.ask(f.asked)
	if err != nil {
		return answer, err
	}
	fresh, has := &f.asked.fresh, f.at
	least, err := fresh.await(f.asked.ctx, f.waiter, q.Views)
	if err != nil {
		return answer, err
	}
	err = fresh.patiently(f.asked.ctx, least, func(least uint64) (err error) {
		f.at = max(has, least)
		answer, err = f.current(true)
		return err
	})
	if err == nil || errors.Is(err, query.ErrNotFound) { // be it there or not, what was asked for may be parked
		err = cmp.Or(fresh.held(f.waiter, q.Deps, answer.Deps), err)
	}
	return answer, err
}

// begin sends what the client lacks.
func (f *following) begin(reset bool, first cache.Answer) error {
	if err := f.send("retry: 2000\n\n"); err != nil {
		return err
	}
	if reset {
		if err := f.send("event: reset\ndata: {}\n\n"); err != nil {
			return err
		}
	}
	return f.tell(first)
}
