package reading

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/testkit"
)

// What is asked while reads are under way is read together, and everyone has an
// answer from a read that began after they asked.
func TestQuestionsGatherWhileOthersAreRead(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var groups [][]events.ID
	began, release := make(chan struct{}, 100), make(chan struct{})
	b := newBatcher(func(_ context.Context, ids []events.ID) (map[events.ID]bool, error) {
		mu.Lock()
		groups = append(groups, ids)
		mu.Unlock()
		began <- struct{}{}
		<-release
		found := map[events.ID]bool{}
		for _, id := range ids {
			found[id] = true
		}
		return found, nil
	})
	var asking sync.WaitGroup
	ask := func(id events.ID) {
		asking.Go(func() {
			found, err := b.Ask(t.Context(), []events.ID{id}, nil)
			if err != nil || !found[id] {
				t.Error(id, err)
			}
		})
	}
	for i := range byte(groupsAtOnce) {
		ask(events.ID{1, i})
		testkit.Receive(t, began)
	}
	const more = groupMost + 50
	for i := range more {
		ask(events.ID{2, byte(i), byte(i >> 8)})
	}
	require.Eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		asked := 0
		for _, group := range b.waiting {
			asked += len(group.callers)
		}
		return asked == more
	}, time.Minute, time.Millisecond)
	close(release)
	asking.Wait()
	require.Len(t, groups, groupsAtOnce+2)
	// The last two are read at the same time, in either order.
	sizes := []int{len(groups[groupsAtOnce]), len(groups[groupsAtOnce+1])}
	require.ElementsMatch(t, []int{groupMost, more - groupMost}, sizes)
	require.Empty(t, b.running)
}

// Who asks waits for the read before theirs as long as it may be quick, and no longer.
func TestALateReadHoldsUpNobody(t *testing.T) {
	t.Parallel()
	stuck := events.ID{9}
	began, release := make(chan struct{}), make(chan struct{})
	b := newBatcher(func(_ context.Context, ids []events.ID) (bool, error) {
		if slices.Contains(ids, stuck) {
			close(began)
			<-release
		}
		return true, nil
	})
	var asking sync.WaitGroup
	ask := func(id events.ID) {
		if found, err := b.Ask(t.Context(), []events.ID{id}, nil); err != nil || !found {
			t.Error(id, found, err)
		}
	}
	asking.Go(func() { ask(stuck) })
	testkit.Receive(t, began)
	for i := range byte(3) {
		ask(events.ID{i})
	}
	close(release)
	asking.Wait()
}

// Each of the groups that wait is read in time, also one that has waited while two that
// are stuck were before it.
func TestEveryLateGroupIsHurried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var reads []chan struct{}
		b := newBatcher(func(context.Context, []int) (bool, error) {
			release := make(chan struct{})
			mu.Lock()
			reads = append(reads, release)
			mu.Unlock()
			<-release
			return true, nil
		})
		begun := func() int {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return len(reads)
		}
		for i := range 4 { // a group each
			go b.Ask(t.Context(), slices.Repeat([]int{i}, groupMost), nil)
			synctest.Wait()
		}
		time.Sleep(3 * groupLate)
		require.Equal(t, 2, begun(), "as many as may be at a time")
		close(reads[0])
		require.Equal(t, 3, begun())
		close(reads[1])
		require.Equal(t, 3, begun(), "the third is not late yet")
		time.Sleep(2 * groupLate)
		require.Equal(t, 4, begun(), "and does not hold up the fourth")
		close(reads[2])
		close(reads[3])
		synctest.Wait()
	})
}

// A group is read beside the latest read as soon as that is late, whenever its callers came.
func TestAGroupWaitsNoLongerThanUntilTheReadIsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun, ends := make(chan []int, 10), make(chan struct{}, 10)
		b := newBatcher(func(_ context.Context, keys []int) (bool, error) {
			begun <- keys
			<-ends
			return true, nil
		})
		ask := func(key int) {
			go b.Ask(t.Context(), []int{key}, nil)
			synctest.Wait()
		}
		after := func(d time.Duration, read ...int) {
			pass(d, func() { require.Empty(t, begun) })
			require.Len(t, begun, 1)
			require.Equal(t, read, <-begun)
		}
		ask(1)
		require.Equal(t, []int{1}, <-begun)
		time.Sleep(groupLate / 4)
		ask(2)
		ask(3)
		after(groupLate*3/4, 2, 3)
		time.Sleep(groupLate / 4)
		ask(4) // while two are read, of which the first ends
		ends <- struct{}{}
		after(groupLate*3/4, 4)
		ends <- struct{}{}
		ends <- struct{}{}
		synctest.Wait()
	})
}

// Another's mistake is not one's own.
func TestAFailedGroupIsReadOneByOne(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	bad := events.ID{9}
	began, release := make(chan struct{}, 100), make(chan struct{})
	b := newBatcher(func(_ context.Context, ids []events.ID) (bool, error) {
		began <- struct{}{}
		<-release
		for _, id := range ids {
			if id == bad {
				return false, broken
			}
		}
		return true, nil
	})
	var asking sync.WaitGroup
	ask := func(id events.ID) {
		asking.Go(func() {
			found, err := b.Ask(t.Context(), []events.ID{id}, nil)
			if id == bad && !errors.Is(err, broken) || id != bad && (err != nil || !found) {
				t.Error(id, found, err)
			}
		})
	}
	for i := range byte(groupsAtOnce) {
		ask(events.ID{1, i})
		testkit.Receive(t, began)
	}
	ask(bad)
	ask(events.ID{2})
	twoWait(t, b)
	close(release)
	asking.Wait()
}

// twoWait waits until two callers are the one group that waits.
func twoWait[K, T any](t *testing.T, b *Batcher[K, T]) {
	t.Helper()
	require.Eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.waiting) == 1 && len(b.waiting[0].callers) == 2
	}, time.Minute, time.Millisecond)
}

// A read that panics is met by those who asked for it, each in a goroutine of their own,
// and by nobody else: not by the process, nor by who waits behind them.
func TestAReadThatPanicsIsTheCallers(t *testing.T) {
	t.Parallel()
	bad := events.ID{9}
	began, release := make(chan struct{}, 100), make(chan struct{})
	b := newBatcher(func(_ context.Context, ids []events.ID) (bool, error) {
		began <- struct{}{}
		<-release
		if slices.Contains(ids, bad) {
			panic("a mistake")
		}
		return true, nil
	})
	var asking sync.WaitGroup
	ask := func(id events.ID) {
		asking.Go(func() {
			defer func() {
				if p := recover(); (p != nil) != (id == bad) {
					t.Error(id, p)
				}
			}()
			if found, err := b.Ask(t.Context(), []events.ID{id}, nil); err != nil || !found {
				t.Error(id, found, err)
			}
		})
	}
	ask(bad) // alone, and first
	testkit.Receive(t, began)
	for i := range byte(groupsAtOnce - 1) {
		ask(events.ID{1, i})
		testkit.Receive(t, began)
	}
	ask(bad) // in a group that another goroutine reads
	ask(events.ID{2})
	twoWait(t, b)
	close(release)
	asking.Wait()
}
