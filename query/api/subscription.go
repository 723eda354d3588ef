package api

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"sical-backend/events"
	"sical-backend/internal/cache"
	"sical-backend/internal/live"
	"sical-backend/internal/web"
	"sical-backend/query"
)

// subscription is one open stream.
type subscription struct {
	*API
	cfg       StreamConfig
	topic     *topic
	asked     *asked
	principal web.Principal
	last      string // id of the last event that the client has
	at        uint64 // the position of the newest answer that the client has: none older is sent
	owed      uint64 // what was known to be applied when the stream was woken
	history   events.ID
	stream    *live.Stream
	day       events.Date // when it was asked last
	deps      cache.Names // what only the last answer could tell that it depends on
	out       *http.ResponseController
	w         http.ResponseWriter
	spoke     time.Time        // when something was sent last
	again     <-chan time.Time // when to ask anew for what could not be loaded; nil for not
	rested    <-chan time.Time // when it may ask again; nil for at once
	fails     bool             // it could not be loaded when that was tried last, for no reason that passes
}

var errEnded = errors.New("the stream has ended")

// current is the answer as of now, and has the stream watch all it depends on. Where the
// stream was woken, or has just begun to watch, it is owed what is applied.
func (s *subscription) current(ctx context.Context, woken bool) (cache.Answer, error) {
	for ; ; woken = true {
		s.day = s.today()
		q, err := s.topic.ask(s.asked)
		if err != nil {
			return cache.Answer{}, err
		}
		s.stream.Watch(slices.Concat(q.Deps(), s.deps.List())...)
		if woken {
			s.owed = s.applied(q.Views)
		}
		if s.applied(q.Views) < s.at { // as while a view is built anew: it need not be read to know
			return cache.Answer{}, cache.ErrBehind
		}
		answer, err := s.answers.Do(ctx, s.cached(q, s.at))
		if err != nil {
			return answer, err
		}
		s.deps = cache.Names(strings.Clone(string(answer.Deps))) // a stream shall not hold all of an answer
		if !s.stream.Watch(slices.Concat(q.Deps(), s.deps.List())...) {
			return answer, nil
		}
		// What came to be watched only now may have changed since it was read.
	}
}

// applied is the position that all the views are known to have.
func (s *subscription) applied(views []string) uint64 {
	least := s.waiter.Applied(views[0])
	for _, view := range views[1:] {
		least = min(least, s.waiter.Applied(view))
	}
	return least
}

// run sends what changes, until the stream ends.
func (s *subscription) run(ctx context.Context) {
	tick := time.NewTicker(s.cfg.Pace.Check)
	defer tick.Stop()
	defer s.tried(nil)
	s.rest()
	for {
		var err error
		woken, again := s.stream.Woken(), s.again
		if s.rested != nil { // what wakes it meanwhile still does afterwards
			woken, again = nil, nil
		}
		select {
		case <-ctx.Done():
			return
		case <-s.cfg.Hub.Done():
			return
		case <-s.rested:
			s.rested = nil
		case <-woken:
			err = s.refresh(ctx, true)
		case <-again:
			err = s.refresh(ctx, false)
		case now := <-tick.C:
			switch {
			case !s.cfg.SessionAlive(s.principal):
				err = s.end("session_ended")
			case s.ofYesterday():
				err = s.refresh(ctx, false)
			case now.Sub(s.spoke) >= s.cfg.Pace.Heartbeat:
				err = s.send(": \n\n")
			}
		}
		if err != nil {
			return
		}
	}
}

// rest has a stream of the whole system ask no more for a while: nearly every commit wakes all
// that there are, and each would be sent an event as often as one can be loaded.
func (s *subscription) rest() {
	if s.topic.key == unkeyed {
		s.rested = time.After(s.cfg.Pace.Apart)
	}
}

// ofYesterday tells whether the answer is of a day that is over: what is about the whole
// system tells of the days up to this one, and nothing wakes the stream at midnight.
func (s *subscription) ofYesterday() bool {
	return s.topic.key == unkeyed && s.rested == nil && s.day != s.today()
}

// refresh asks anew, with the rights of this moment, and sends what is new. It has the time that an
// answer has: meanwhile the stream sends no heartbeat, and does not see that its session, or the
// process, ends.
func (s *subscription) refresh(ctx context.Context, woken bool) error {
	defer s.rest() // from when all is sent on
	if !s.cfg.SessionAlive(s.principal) {
		return s.end("session_ended")
	}
	if history := s.cfg.Incarnation(); history != s.history {
		s.history, s.last, s.at = history, "", 0
		if err := s.send("event: reset\ndata: {}\n\n"); err != nil {
			return err
		}
	}
	s.again = nil
	ctx, cancel := context.WithTimeout(ctx, web.AnswerWithin)
	defer cancel()
	answer, err := s.current(ctx, woken)
	switch {
	case !s.cfg.SessionAlive(s.principal): // it may have ended while that was read, with the rights of before
		return s.end("session_ended")
	case errors.Is(err, query.ErrNotFound):
		return s.end("not_found")
	}
	s.tried(err)
	if err != nil { // also as the database is away, or has not come to what the client has
		s.later()
		return nil
	}
	return s.tell(answer)
}

// later has the stream ask again: what woke it will not wake it another time. Not all that
// wait ask at once.
func (s *subscription) later() {
	s.again = time.After(s.cfg.Pace.Again/2 + rand.N(s.cfg.Pace.Again))
}

// tell sends an answer unless the client has it. A replica may lack yet what woke the stream.
func (s *subscription) tell(a cache.Answer) error {
	s.at = a.Position
	if a.Position < s.owed {
		s.later()
	}
	tag := strings.Trim(a.ETag, `"`)
	_, digest, _ := strings.Cut(tag, ".")
	id := fmt.Sprintf("%s.%d.%s", s.history, a.Position, strings.ReplaceAll(digest, ".", "-"))
	if had := s.last[strings.LastIndex(s.last, ".")+1:]; s.last != "" && had == id[strings.LastIndex(id, ".")+1:] {
		return nil
	}
	s.last = id
	return s.send("event: change\nid: " + id + "\ndata: " + string(a.Body) + "\n\n")
}

// end says why nothing more will come, and ends the stream.
func (s *subscription) end(code string) error {
	_ = s.send("event: end\ndata: {\"code\":\"" + code + "\"}\n\n")
	return errEnded
}

// send writes at once. A client that does not take it in time is left. A large event takes
// longer, as other answers do: whoever is left in the midst of it comes back for all of it.
func (s *subscription) send(text string) error {
	err := s.write(text)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.cfg.Dropped()
	}
	s.spoke = time.Now()
	return err
}

func (s *subscription) write(text string) error {
	if err := s.out.SetWriteDeadline(time.Now().Add(s.cfg.Pace.Sending + web.Taking(len(text)))); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.out.Flush()
}
