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
func (s *subscription) open(c echo.Context) error {
	var err error
	s.stream, err = s.cfg.Hub.Open(s.principal.UserID)
	switch {
	case errors.Is(err, live.ErrTooMany):
		return &web.Problem{Code: web.TooManyRequests, Detail: "Too many streams are open.", RetryAfter: Usual.Heartbeat}
	case err != nil:
		return &web.Problem{Code: web.Overloaded, Detail: "Too many streams are open.", RetryAfter: Usual.Heartbeat}
	}
	defer s.stream.Close()
	s.history = s.cfg.Incarnation()
	reset, first, err := s.wait(web.Ends(c))
	if err != nil {
		return err
	}
	if !s.cfg.SessionAlive(s.principal) { // it may have ended while all that was waited for
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
	s.w, s.out = c.Response(), http.NewResponseController(c.Response())
	// A stream is read for as long as it lives; what is written has its own deadline.
	if err := s.out.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if s.begin(reset, first) == nil {
		s.run(s.asked.ctx)
	}
	return nil
}

// wait is resume and first, by the time that an answer has to be there: the stream itself
// ends with its client.
func (s *subscription) wait(ends time.Time) (reset bool, first cache.Answer, err error) {
	ctx, cancel := context.WithDeadline(s.asked.ctx, ends)
	defer cancel()
	if reset, err = s.resume(ctx); err != nil {
		return reset, first, err
	}
	first, err = s.first(ctx)
	return reset, first, err
}

// resume waits until this process is as far as the client, who must not go back in
// time. reset tells that what it has is of another history.
func (s *subscription) resume(ctx context.Context) (reset bool, err error) {
	if s.last == "" {
		return false, nil
	}
	part := strings.Split(s.last, ".")
	position, err := strconv.ParseUint(part[min(1, len(part)-1)], 10, 63)
	if len(part) != 3 || err != nil || part[0] != s.history.String() {
		s.last = ""
		return true, nil
	}
	q, err := s.topic.ask(s.asked)
	if err != nil {
		return false, err
	}
	err = s.waiter.Wait(ctx, q.Views, position, time.Until(s.asked.fresh.until()))
	switch {
	case errors.Is(err, cache.ErrPositionUnknown):
		s.last = ""
		return true, nil
	case err != nil:
		return false, behind(err)
	}
	s.at = position
	return false, nil
}

// first is the answer that the stream begins with, as current as the client has asked for
// and not older than what it has. That the views have come to a position may be known
// before a replica has it that is read.
func (s *subscription) first(ctx context.Context) (answer cache.Answer, err error) {
	q, err := s.topic.ask(s.asked)
	if err != nil {
		return answer, err
	}
	fresh, has := &s.asked.fresh, s.at
	least, err := fresh.await(ctx, s.waiter, q.Views)
	if err != nil {
		return answer, err
	}
	err = s.insist(ctx, q, fresh, max(has, least), func(least uint64) (err error) {
		s.at = max(has, least)
		answer, err = s.current(ctx, true)
		return err
	})
	if err == nil || errors.Is(err, query.ErrNotFound) { // be it there or not, what was asked for may be parked
		err = cmp.Or(fresh.checkParked(s.waiter, q.Deps, answer.Deps), err)
	}
	return answer, err
}

// begin sends what the client lacks.
func (s *subscription) begin(reset bool, first cache.Answer) error {
	if err := s.send("retry: 2000\n\n"); err != nil {
		return err
	}
	if reset {
		if err := s.send("event: reset\ndata: {}\n\n"); err != nil {
			return err
		}
	}
	return s.tell(first)
}
