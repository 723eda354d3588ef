package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/cache"
	"sical-backend/internal/web"
)

// replica answers with the position that it shows, which may be behind the one that is
// known to be applied.
type replica struct {
	Answers
	Waiter

	mu             sync.Mutex
	applied, shown uint64
	changed        chan struct{} // closed when it shows another position; nil while nobody waits for that
	awaited        uint64        // the position that somebody waits again for
	asked, looked  int           // for answers, and for what is applied, since it showed another position
}

func (r *replica) Do(_ context.Context, q cache.Question) (cache.Answer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.shown < q.MinPosition {
		return cache.Answer{}, cache.ErrBehind
	}
	body := []byte(strconv.FormatUint(r.shown, 10))
	return cache.Answer{Body: body, ETag: web.ETag(0, body), Position: r.shown}, nil
}

func (r *replica) Applied(string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looked++
	return r.applied
}

func (r *replica) Wait(context.Context, []string, uint64, time.Duration) error { return nil }

func (r *replica) Shows([]string, uint64) bool { return true } // as was known

func (r *replica) WaitAgain(ctx context.Context, _ []string, position uint64, _, patience time.Duration) error {
	ends := time.After(patience)
	for {
		r.mu.Lock()
		if r.awaited = position; r.changed == nil {
			r.changed = make(chan struct{})
		}
		shown, changed := r.shown, r.changed
		r.mu.Unlock()
		if shown >= position {
			return nil
		}
		select {
		case <-changed:
		case <-ends:
			return context.DeadlineExceeded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *replica) CheckParked(uint64, func() []string, cache.Names) error { return nil }

func (r *replica) set(applied, shown uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.applied, r.shown, r.asked, r.looked = applied, shown, 0, 0
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// wasAsked tells whether it was asked since it shows what it does.
func (r *replica) wasAsked() error {
	if r.timesAsked() == 0 {
		return errors.New("it was not asked")
	}
	return nil
}

func (r *replica) timesAsked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

func newReplica(t *testing.T, applied, shown uint64) (*streaming, *replica) {
	school, r := newSchool(t), &replica{applied: applied, shown: shown}
	school.api = New(school.answerer, r, r)
	return streamingOf(school, Pace{Heartbeat: time.Hour, Check: time.Hour, Sending: time.Minute, Again: 20 * time.Millisecond}), r
}

// A notice may be there before the replica has what it tells of: that is sent as soon as
// it has it, though nothing wakes the stream a second time.
func TestChangeThatTheReplicaLacksIsToldLater(t *testing.T) {
	t.Parallel()
	s, r := newReplica(t, 20, 10)
	_, lines := s.follow("view=point&key=" + s.strokes.String())
	require.Equal(t, "data: 10\n", s.until(lines, "data: "), "what it has is told meanwhile")
	r.set(20, 20)
	require.Equal(t, "data: 20\n", s.until(lines, "data: "), "what was applied as the stream was opened")
	r.set(40, 20)
	s.hub.Changed(nil, true)
	s.eventually(r.wasAsked)
	r.set(50, 30)
	require.Equal(t, "data: 30\n", s.until(lines, "data: "))
	r.set(50, 40)
	require.Equal(t, "data: 40\n", s.until(lines, "data: "))
}

// Behind a balancer each read may be of another replica, and so may each connection.
func TestStreamsNeverGoBackInTime(t *testing.T) {
	t.Parallel()
	s, r := newReplica(t, 20, 10)
	about := fmt.Sprintf("view=point&key=%s&last_event_id=%s.20.other", s.strokes, s.incarnation())
	_, lines := s.follow(about)
	s.eventually(func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.awaited != 20 {
			return fmt.Errorf("it waits for %d, by no timer of its own", r.awaited)
		}
		return nil
	})
	r.set(20, 20)
	require.Contains(t, s.until(lines, "id: "), ".20.", "it waits for what the client has")
	require.Equal(t, "data: 20\n", s.until(lines, "data: "))
	r.set(30, 10)
	s.hub.Changed(nil, true)
	s.eventually(r.wasAsked)
	r.set(30, 30)
	require.Equal(t, "data: 30\n", s.until(lines, "data: "))

	r.set(30, 10)
	refused := s.get(StreamPath+"?"+strings.Replace(about, ".20.", ".30.", 1), s.as(s.ann))
	require.Equal(t, string(web.NotCaughtUp), problemCode(t, refused))
}

// While a view is built anew, its streams wait for it, and read nothing.
func TestStreamsSpareAViewThatIsBuiltAnew(t *testing.T) {
	t.Parallel()
	s, r := newReplica(t, 20, 20)
	_, lines := s.follow("view=point&key=" + s.strokes.String())
	require.Equal(t, "data: 20\n", s.until(lines, "data: "))
	r.set(5, 5)
	s.hub.Changed(nil, true)
	s.eventually(func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.looked < 20 {
			return errors.New("it has not tried often")
		}
		return nil
	})
	require.Error(t, r.wasAsked())
	r.set(30, 30)
	require.Equal(t, "data: 30\n", s.until(lines, "data: "))
}
