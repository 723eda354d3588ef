package cache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// watched waits until so many wait for a look.
func (p *Positions) watched(t *testing.T, n int) {
	t.Helper()
	testkit.Eventually(t, func() error {
		p.watchers.mu.Lock()
		defer p.watchers.mu.Unlock()
		if len(p.watchers.all) != n {
			return fmt.Errorf("%d wait for a look", len(p.watchers.all))
		}
		return nil
	})
}

// Who needs what a standby lacks waits for a look at it, and counts like others who wait. One look
// is for all of them, those included who come while it is known to lag.
func TestWhatAStandbyLacksIsWaitedForByLooks(t *testing.T) {
	t.Parallel()
	f, ended := newFollower(t), make(chan error, 100)
	look := func(woken, left int) {
		t.Helper()
		require.True(t, f.poll(t.Context(), false))
		f.watched(t, left)
		for range woken {
			require.NoError(t, testkit.Receive(t, ended))
		}
		require.Empty(t, ended)
	}
	v := []string{"v"}
	f.tell(wire.Notice{From: 10, To: 20})
	require.True(t, f.Shows(v, 20), "nothing tells that the standby lags")
	for i := range uint64(50) {
		go func() { ended <- f.WaitAgain(t.Context(), v, 11+i%10, 0, ages) }()
	}
	f.watched(t, 50)
	look(0, 50)
	require.False(t, f.Shows(v, 20))
	require.True(t, f.Shows(v, 10), "it has that")
	require.NoError(t, f.Wait(t.Context(), v, 20, 0), "it is applied, whatever the standby shows")
	require.ErrorIs(t, f.WaitAgain(t.Context(), v, 20, 0, 0), context.DeadlineExceeded)
	for i := range uint64(50) {
		go func() { ended <- f.WaitAgain(t.Context(), v, 11+i%10, 0, ages) }()
	}
	f.watched(t, 100)
	require.ErrorIs(t, f.Wait(t.Context(), v, 30, ages), ErrTooManyWaiters)
	require.ErrorIs(t, f.WaitAgain(t.Context(), v, 20, 0, ages), ErrTooManyWaiters)
	require.EqualValues(t, 100, f.Waiting())

	look(0, 100)
	f.replay(15)
	look(50, 50)
	f.replay(20)
	look(50, 0)
	require.True(t, f.Shows(v, 20))
	testkit.Eventually(t, func() error {
		if n := f.Waiting(); n != 0 {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	require.Empty(t, f.deadlines.ending)
}

// Behind one address there may be several servers. Who was woken and read at another than was looked at
// waits for a later look, and not before the pause is over.
func TestWhoIsWokenInVainWaitsForALaterLook(t *testing.T) {
	t.Parallel()
	f, ended := newFollower(t), make(chan error, 1)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	again := func(pause, patience time.Duration) {
		go func() { ended <- f.WaitAgain(ctx, []string{"v"}, 10, pause, patience) }()
	}
	again(0, ages)
	f.watched(t, 1)
	require.Empty(t, ended, "what it has shown before is not enough")
	require.True(t, f.poll(t.Context(), false))
	require.NoError(t, testkit.Receive(t, ended))

	again(0, time.Millisecond)
	require.ErrorIs(t, testkit.Receive(t, ended), context.DeadlineExceeded)
	again(ages, ages)
	f.watched(t, 1)
	require.True(t, f.poll(t.Context(), false))
	f.watched(t, 1)
	leave()
	require.ErrorIs(t, testkit.Receive(t, ended), context.Canceled)
	f.watched(t, 0)
}

// Who knows that the server lacks what they wait for is served by a look that is under way as they come.
func TestALookThatIsUnderWayIsEnoughForWhoHasReadNothing(t *testing.T) {
	t.Parallel()
	f, ended := newFollower(t), make(chan error, 1)
	f.tell(wire.Notice{From: 10, To: 20})
	require.True(t, f.poll(t.Context(), false))
	began := time.Now()
	go func() { ended <- f.WaitAgain(t.Context(), []string{"v"}, 20, 0, ages) }()
	f.watched(t, 1)
	at := checkpoint{View: "v", Version: 1, Build: 1, Position: 20}
	f.show(map[string][]checkpoint{"v": {at}}, began)
	require.NoError(t, testkit.Receive(t, ended))
}

// What is composed of several views is shown once each of them is.
func TestShownIsWhatEachViewIs(t *testing.T) {
	t.Parallel()
	p := NewPositions(Config{Views: []*projections.View{{Name: "v", Version: 1, Reads: 1}, {Name: "w", Version: 1, Reads: 1}}})
	both := []string{"v", "w"}
	for _, name := range both {
		require.False(t, p.Shows(both, 20))
		p.view(name).applied.Store(20)
	}
	require.True(t, p.Shows(both, 20))
	for _, name := range both {
		p.view(name).shown.Store(10)
		require.False(t, p.Shows(both, 20))
		require.True(t, p.Shows(both, 10))
		p.view(name).shown.Store(20)
	}
	require.True(t, p.Shows(both, 20))
}

// A view whose positions have gone back is not shown to have what it had.
func TestNobodyIsWokenForAViewThatFellBack(t *testing.T) {
	t.Parallel()
	f, ended := newFollower(t), make(chan error, 1)
	f.tell(wire.Notice{From: 10, To: 20})
	go func() { ended <- f.WaitAgain(t.Context(), []string{"v"}, 20, 0, ages) }()
	f.watched(t, 1)
	require.True(t, f.poll(t.Context(), true))
	require.EqualValues(t, 10, f.Applied("v"))
	f.watched(t, 1)
	f.replay(20)
	require.True(t, f.poll(t.Context(), true))
	require.NoError(t, testkit.Receive(t, ended))
}

// The database is looked at as often for many as for one, and no more often than ever where
// nobody waits for it.
func TestLooksAreSharedAndEndWithWhoWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLooked(t, 0)
		p, during := l.Positions, l.during
		const long = time.Second
		ticks := int64(long / tick)
		require.Equal(t, ticks, during(long))
		for _, n := range []int{1, 100} {
			ended := make(chan error, n)
			for range n {
				go func() { ended <- p.WaitAgain(t.Context(), []string{"v"}, 10, 0, 2*long) }()
			}
			require.InDelta(t, ticks+int64(long/pace), during(long), 2, "%d wait", n)
			during(long)
			for range n {
				require.ErrorIs(t, <-ended, context.DeadlineExceeded)
			}
			require.InDelta(t, ticks, during(long), 1, "nobody waits any more")
		}
	})
}

// After a slow look there is none for as long as it has taken, whoever comes and leaves meanwhile.
func TestNoLookFollowsASlowOneAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const slow, long = 600 * time.Millisecond, 12 * time.Second
		l := newLooked(t, slow)
		go func() {
			for t.Context().Err() == nil {
				_ = l.WaitAgain(t.Context(), []string{"v"}, 10, 0, pace/2) // never for as long as a look takes
			}
		}()
		require.InDelta(t, int64(long/(2*slow)), l.during(long), 1)
	})
}

// looked are Positions in a bubble, whose database is away: each look takes a while to find that out.
type looked struct {
	*Positions
	looks atomic.Int64
}

// newLooked runs them. Where looks take a while, there are none but for who waits.
func newLooked(t *testing.T, takes time.Duration) *looked {
	l := &looked{}
	cfg, err := pgxpool.ParseConfig("host=127.0.0.1 user=nobody sslmode=disable")
	require.NoError(t, err)
	cfg.ConnConfig.DialFunc = func(context.Context, string, string) (net.Conn, error) {
		l.looks.Add(1)
		time.Sleep(takes)
		return nil, errors.New("away")
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	l.Positions = newPositions(pool, connected{})
	if takes > 0 {
		l.looked = time.Now().Add(ages)
		l.view("v").shards = []shard{{noticed: l.looked, seen: l.looked}}
	}
	done := make(chan error)
	go func() { done <- l.Run(t.Context()) }()
	t.Cleanup(func() {
		require.NoError(t, <-done)
		pool.Close()
	})
	time.Sleep(takes) // the first look
	return l
}

// during is how many looks there are within d.
func (l *looked) during(d time.Duration) int64 {
	synctest.Wait()
	before := l.looks.Load()
	time.Sleep(d)
	synctest.Wait()
	return l.looks.Load() - before
}
