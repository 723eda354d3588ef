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

// following is one open stream.
type following struct {
	*API
	live      Live
	ask       func(*asked) (query.Question, error)
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
}

var errEnded = errors.New("the stream has ended")

// current is the answer as of now, and has the stream watch all it depends on. Where the
// stream was woken, or has just begun to watch, it is owed what is applied.
func (f *following) current(woken bool) (cache.Answer, error) {
	for ; ; woken = true {
		f.day = f.today()
		q, err := f.ask(f.asked)
		if err != nil {
			return cache.Answer{}, err
		}
		f.stream.Watch(slices.Concat(q.Deps(), f.deps.List())...)
		if woken {
			f.owed = f.applied(q.Views)
		}
		if f.applied(q.Views) < f.at { // as while a view is built anew: it need not be read to know
			return cache.Answer{}, cache.ErrBehind
		}
		answer, err := f.answers.Do(f.asked.ctx, f.cached(q, f.at))
		if err != nil {
			return answer, err
		}
		f.deps = cache.Names(strings.Clone(string(answer.Deps))) // a stream shall not hold all of an answer
		if !f.stream.Watch(slices.Concat(q.Deps(), f.deps.List())...) {
			return answer, nil
		}
		// What came to be watched only now may have changed since it was read.
	}
}

// applied is the position that all the views are known to have.
func (f *following) applied(views []string) uint64 {
	least := f.waiter.Applied(views[0])
	for _, view := range views[1:] {
		least = min(least, f.waiter.Applied(view))
	}
	return least
}

// run sends what changes, until the stream ends.
func (f *following) run(ctx context.Context) {
	tick := time.NewTicker(f.live.Pace.Check)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-f.live.Hub.Done():
			return
		case <-f.stream.Woken():
			err = f.refresh(true)
		case <-f.again:
			err = f.refresh(false)
		case now := <-tick.C:
			switch {
			case !f.live.Lives(f.principal):
				err = f.end("session_ended")
			case f.ofYesterday():
				err = f.refresh(false)
			case now.Sub(f.spoke) >= f.live.Pace.Heartbeat:
				err = f.send(": \n\n")
			}
		}
		if err != nil {
			return
		}
	}
}

// ofYesterday tells whether the answer is of a day that is over: what is about the whole
// system tells of the days up to this one, and nothing wakes the stream at midnight.
func (f *following) ofYesterday() bool { return f.asked.id == (events.ID{}) && f.day != f.today() }

// refresh asks anew, with the rights of this moment, and sends what is new.
func (f *following) refresh(woken bool) error {
	if !f.live.Lives(f.principal) {
		return f.end("session_ended")
	}
	if history := f.live.Incarnation(); history != f.history {
		f.history, f.last, f.at = history, "", 0
		if err := f.send("event: reset\ndata: {}\n\n"); err != nil {
			return err
		}
	}
	f.again = nil
	answer, err := f.current(woken)
	switch {
	case !f.live.Lives(f.principal): // it may have ended while that was read, with the rights of before
		return f.end("session_ended")
	case errors.Is(err, query.ErrNotFound):
		return f.end("not_found")
	case err != nil: // the database is away, or has not come to what the client has
		f.later()
		return nil
	}
	return f.tell(answer)
}

// later has the stream ask again: what woke it will not wake it another time. Not all that
// wait ask at once.
func (f *following) later() {
	f.again = time.After(f.live.Pace.Again/2 + rand.N(f.live.Pace.Again))
}

// tell sends an answer unless the client has it. A replica may lack yet what woke the stream.
func (f *following) tell(a cache.Answer) error {
	f.at = a.Position
	if a.Position < f.owed {
		f.later()
	}
	tag := strings.Trim(a.ETag, `"`)
	_, digest, _ := strings.Cut(tag, ".")
	id := fmt.Sprintf("%s.%d.%s", f.history, a.Position, strings.ReplaceAll(digest, ".", "-"))
	if had := f.last[strings.LastIndex(f.last, ".")+1:]; f.last != "" && had == id[strings.LastIndex(id, ".")+1:] {
		return nil
	}
	f.last = id
	return f.send("event: change\nid: " + id + "\ndata: " + string(a.Body) + "\n\n")
}

// end says why nothing more will come, and ends the stream.
func (f *following) end(code string) error {
	_ = f.send("event: end\ndata: {\"code\":\"" + code + "\"}\n\n")
	return errEnded
}

// send writes at once. A client that does not take it in time is left.
func (f *following) send(text string) error {
	err := f.write(text)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		f.live.Dropped()
	}
	f.spoke = time.Now()
	return err
}

func (f *following) write(text string) error {
	if err := f.out.SetWriteDeadline(time.Now().Add(f.live.Pace.Sending)); err != nil {
		return err
	}
	if _, err := f.w.Write([]byte(text)); err != nil {
		return err
	}
	return f.out.Flush()
}
