package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/cache"
	"sical-backend/internal/testkit"
	"sical-backend/internal/web"
	"sical-backend/internal/wire"
	"sical-backend/projections"
	"sical-backend/query"
)

// looks notes what is read for answers, and counts the looks at how far the views are.
type looks struct {
	statements
	taken atomic.Int64
}

func (l *looks) TraceBatchQuery(ctx context.Context, conn *pgx.Conn, q pgx.TraceBatchQueryData) {
	if strings.HasPrefix(q.SQL, "-- list projection") {
		l.taken.Add(1)
	}
	l.statements.TraceBatchQuery(ctx, conn, q)
}

// pass waits until so many more have been taken: each is counted before it has ended.
func (l *looks) pass(w *world, n int64) {
	w.t.Helper()
	until := l.taken.Load() + n + 1
	w.eventually(func() error {
		if taken := l.taken.Load(); taken < until {
			return fmt.Errorf("%d looks of %d", taken, until)
		}
		return nil
	})
}

// toldBus is a bus by which a test tells what projectors have done.
type toldBus chan chan *nats.Msg

func (b toldBus) ChanSubscribe(_ string, to chan *nats.Msg) (*nats.Subscription, error) {
	b <- to
	return nil, nil
}
func (toldBus) IsConnected() bool { return true }

// trailing is a node whose replica lags by one event, which the node has been told of.
type trailing struct {
	*world
	looks  *looks
	views  unhurried
	next   int         // the position of the event
	people []events.ID // one more than may wait
	known  events.ID   // another, whose profile memory has

	notices chan *nats.Msg
}

func newTrailing(t *testing.T) *trailing {
	l, bus := &looks{}, make(toldBus, 1)
	b := &trailing{world: newWorld(t, nil), looks: l}
	for i := range 11 {
		b.people = append(b.people, b.register("reader"+strconv.Itoa(i)))
	}
	b.known = b.register("known")
	b.project()
	b.world.bus, b.next = bus, len(b.log)+1
	b.replica(l)
	b.notices = testkit.Receive(t, bus)
	b.views = b.unhurried()
	b.caughtUp("/v1/statistics", "")
	profile := b.answerer.User(query.Viewer{ID: b.known, Role: events.Learner}, b.known).Key
	b.eventually(func() error { // what is loaded before the node has heard of all views is not kept
		b.get("/v1/users/"+b.known.String(), token(b.known, events.Learner))
		if _, ok := b.api.answers.Lookup(profile, 0); !ok {
			return errors.New("the profile is not in memory")
		}
		return nil
	})
	b.tell()
	b.eventually(func() error {
		for _, v := range projections.Views() {
			if at := b.views.Applied(v.Name); at != uint64(b.next) {
				return fmt.Errorf("%s is at %d", v.Name, at)
			}
		}
		return nil
	})
	return b
}

// tell has the node be told of the event, which changes nothing.
func (b *trailing) tell() {
	for _, v := range projections.Views() {
		data, err := wire.Notice{
			View: v.Name, Version: v.Version, Build: 1, Incarnation: b.incarnation(), From: uint64(b.next - 1), To: uint64(b.next), Saved: uint64(b.next),
		}.Encode()
		require.NoError(b.t, err)
		b.notices <- &nats.Msg{Data: data}
	}
}

// reads has one of the people read their profile as of the event.
func (b *trailing) reads(who int) <-chan answer {
	id := b.people[who]
	return b.waits(b.t.Context(), "/v1/users/"+id.String(), token(id, events.Learner), b.next)
}

func (b *trailing) replay() { require.NoError(b.t, inTransaction(b.world, checkpoint, b.next)) }

// TestReadersOfAReplicaThatLagsAreBounded: they count as waiting, and are refused beyond as many as
// may. However many there are, and whatever they ask for, nothing is read for them until a
// look shows that the replica has what they wait for.
func TestReadersOfAReplicaThatLagsAreBounded(t *testing.T) {
	t.Parallel()
	b := newTrailing(t)
	waiting := []<-chan answer{b.reads(0)} // who finds out that it lags
	b.views.wait(b.world, 1)
	b.looks.pass(b.world, 1)
	b.looks.take()
	for who := 1; who < 10; who++ {
		waiting = append(waiting, b.reads(who))
	}
	b.views.wait(b.world, 10)
	refused := testkit.Receive(t, b.reads(10))
	require.Equal(t, http.StatusServiceUnavailable, refused.status)
	require.Equal(t, "overloaded", problemCode(t, refused))
	b.looks.pass(b.world, 5)
	require.Empty(t, b.looks.take(), "what is not there is not asked for")
	b.views.wait(b.world, 10)

	b.replay()
	for who, answers := range waiting {
		got := testkit.Receive(t, answers)
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, b.next, position(got))
		require.Contains(t, got.body, b.people[who].String())
	}
	b.views.wait(b.world, 0)
}

// TestWhatMemoryHasIsGivenWhateverAReplicaLacks: who waits for a position is answered when memory is
// known to have it, by one answer and by a stream, though nobody can read it yet. The others wait on.
func TestWhatMemoryHasIsGivenWhateverAReplicaLacks(t *testing.T) {
	t.Parallel()
	b := newTrailing(t)
	b.api.RegisterStream(b.server, StreamConfig{
		Hub: b.hub, Incarnation: b.incarnation, Pace: Usual, Dropped: func() {}, Failed: func() {}, SessionAlive: func(web.Principal) bool { return true },
	})
	waiting := b.reads(0) // who finds out that it lags
	b.views.wait(b.world, 1)
	b.looks.pass(b.world, 1)
	b.looks.take()
	b.next++
	ask := func(method, target string, headers ...string) <-chan answer {
		return b.asks(b.t.Context(), method, target, token(b.known, events.Learner), headers...)
	}
	at, stream := strconv.Itoa(b.next), StreamPath+"?view=user&key="+b.known.String()
	given := []<-chan answer{
		ask(http.MethodGet, "/v1/users/"+b.known.String(), minPosition, at),
		ask(http.MethodHead, stream, minPosition, at),
		ask(http.MethodHead, stream, "Last-Event-Id", b.incarnation().String()+"."+at+".other"),
	}
	b.views.wait(b.world, 4)
	b.tell()
	for _, answers := range given {
		got := testkit.Receive(t, answers)
		require.Equal(t, http.StatusOK, got.status, got.body)
	}
	require.Empty(t, b.looks.take(), "nothing is read for them")
	require.Empty(t, waiting)
	b.views.wait(b.world, 1)
	b.replay()
	require.Equal(t, http.StatusOK, testkit.Receive(t, waiting).status)
}

// elsewhere answers as another replica does that lags, for so many times.
type elsewhere struct {
	Answers
	left  int
	asked func()
}

func (e *elsewhere) Do(ctx context.Context, q cache.Question) (cache.Answer, error) {
	e.asked()
	if e.left--; e.left >= 0 {
		return cache.Answer{}, cache.ErrBehind
	}
	return e.Answers.Do(ctx, q)
}

// TestLoadsMayReachAnotherReplica than was looked at: who has met one waits again, for a later
// look each time.
func TestLoadsMayReachAnotherReplica(t *testing.T) {
	t.Parallel()
	b := newTrailing(t)
	b.replay()
	var at []int64 // of the looks, when it was asked
	b.api.answers = &elsewhere{b.api.answers, 3, func() { at = append(at, b.looks.taken.Load()) }}
	got := testkit.Receive(t, b.reads(0))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, b.next, position(got))
	require.Len(t, at, 4)
	for i := range 3 {
		require.Greater(t, at[i+1], at[i], "%v", at)
	}
}
