package reading

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// turned is a Batcher of turns, and what it has done.
type turned struct {
	*Batcher[int, bool]
	t        *testing.T
	mu       sync.Mutex
	reads    [][]int
	together map[int]int   // that each was told of
	release  chan struct{} // lets a read end
	asking   sync.WaitGroup
}

func newTurned(t *testing.T, turns, most int, share func(a, b int) bool) *turned {
	c := &turned{t: t, together: map[int]int{}, release: make(chan struct{})}
	c.Batcher = NewTurnBatcher(turns, most, share, func(_ context.Context, keys []int) (bool, error) {
		c.mu.Lock()
		c.reads = append(c.reads, keys)
		c.mu.Unlock()
		<-c.release
		return true, nil
	})
	return c
}

// ask has one after the other ask, who is told of due when their turn comes.
func (c *turned) ask(ctx context.Context, due error, keys ...int) {
	for _, key := range keys {
		c.asking.Go(func() {
			found, err := c.Ask(ctx, []int{key}, func(n int) error {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.together[key] = n
				return due
			})
			assert.Equal(c.t, due == nil && ctx.Err() == nil, err == nil, key)
			assert.Equal(c.t, err == nil, found)
		})
		synctest.Wait()
	}
}

// end lets the next n reads end, and gives all that have begun.
func (c *turned) end(n int) [][]int {
	for range n {
		c.release <- struct{}{}
		synctest.Wait()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.reads)
}

// Who finds a turn free has it alone, and waits for nobody, however long the others take. Who
// does not shares the next one, with so many others, in the order of their coming; they
// are told how many would be read for at a time, with them and no others behind them.
func TestThoseWhoWaitShareATurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newTurned(t, 3, 4, nil)
		c.ask(t.Context(), nil, 0, 1, 2, 10, 11, 12, 13, 14, 15, 16, 17, 18)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, [][]int{{0}, {1}, {2}}, c.end(0))
		require.Equal(t, [][]int{{0}, {1}, {2}, {10, 11, 12, 13}, {14, 15, 16, 17}, {18}}, c.end(3))
		c.ask(t.Context(), nil, 30)
		require.Equal(t, []int{30}, c.end(1)[6])
		c.end(3)
		c.asking.Wait()
		require.Equal(t, map[int]int{0: 1, 1: 2, 2: 3, 10: 3, 11: 6, 12: 9, 13: 12, 14: 3, 15: 6, 16: 9, 17: 12, 18: 3, 30: 3}, c.together)
	})
}

// For who has left, or would be answered too late, nothing is read, and nobody behind them is
// told of them.
func TestATurnIsOfThoseItIsOfUseTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newTurned(t, 1, 4, nil)
		left, leave := context.WithCancel(t.Context())
		c.ask(t.Context(), nil, 0)
		c.ask(left, nil, 1)
		c.ask(t.Context(), errTooLate, 2)
		c.ask(t.Context(), nil, 3, 4)
		c.ask(left, nil, 5, 6, 7, 8)
		c.ask(t.Context(), nil, 9)
		leave()
		require.Equal(t, [][]int{{0}, {3, 4}, {9}}, c.end(2))
		c.end(1)
		c.asking.Wait()
		require.Equal(t, map[int]int{0: 1, 2: 1, 3: 1, 4: 2, 9: 1}, c.together)
	})
}

// Who can share nothing with those before has a turn of their own, and the next who can comes
// to those before.
func TestATurnIsOfThoseWhoCanShareIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newTurned(t, 2, 3, func(a, b int) bool { return a/10 == b/10 })
		c.ask(t.Context(), nil, 0, 1, 10, 20, 11, 21, 12, 13, 22)
		require.Equal(t, [][]int{{0}, {1}, {10, 11, 12}, {20, 21, 22}}, c.end(2))
		require.Equal(t, []int{13}, c.end(1)[4])
		c.end(2)
		c.asking.Wait()
	})
}

// A crowd that was just answered is not waited for.
func TestATurnWaitsForNoCompany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newTurned(t, 1, 2*companyFrom, nil)
		for key := range companyFrom + 1 {
			c.ask(t.Context(), nil, key)
		}
		c.end(2)
		c.asking.Wait()
		began := time.Now()
		c.ask(t.Context(), nil, 99)
		require.Len(t, c.end(1), 3)
		c.asking.Wait()
		require.Zero(t, time.Since(began))
	})
}
