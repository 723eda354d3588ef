package reading

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who finds a turn free has it alone, and waits for nobody, however long the others take. Who
// does not shares the next one, with so many others, in the order of their coming; they
// are told how many would be read for at a time, with them and no others behind them.
func TestThoseWhoWaitShareATurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const turns, most = 3, 4
		var mu sync.Mutex
		var reads [][]int
		together := map[int]int{} // that each was told of
		release := make(chan struct{})
		b := NewTurnBatcher(turns, most, func(_ context.Context, keys []int) (bool, error) {
			mu.Lock()
			reads = append(reads, keys)
			mu.Unlock()
			<-release
			return true, nil
		})
		var asking sync.WaitGroup
		ask := func(ctx context.Context, key int) {
			asking.Go(func() {
				found, err := b.Ask(ctx, []int{key}, func(n int) error {
					mu.Lock()
					defer mu.Unlock()
					together[key] = n
					return nil
				})
				assert.Equal(t, ctx.Err(), err)
				assert.Equal(t, err == nil, found)
			})
			synctest.Wait()
		}
		for key := range turns {
			ask(t.Context(), key)
		}
		left, leave := context.WithCancel(t.Context())
		ask(left, 10)
		for key := range 2 * most {
			ask(t.Context(), 11+key)
		}
		leave()
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, [][]int{{0}, {1}, {2}}, reads)
		for range 3 {
			release <- struct{}{}
			synctest.Wait()
		}
		require.Equal(t, [][]int{{0}, {1}, {2}, {10, 11, 12, 13}, {14, 15, 16, 17}, {18}}, reads)
		ask(t.Context(), 30)
		release <- struct{}{}
		synctest.Wait()
		close(release)
		asking.Wait()
		require.Equal(t, []int{30}, reads[6])
		require.Equal(t, map[int]int{0: 1, 1: 2, 2: 3, 10: 3, 11: 6, 12: 9, 13: 12, 14: 3, 15: 6, 16: 9, 17: 12, 18: 3, 30: 3}, together)
	})
}

// A crowd that was just answered is not waited for.
func TestATurnWaitsForNoCompany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{}, 1)
		b := NewTurnBatcher(1, 2*companyFrom, func(context.Context, []int) (bool, error) {
			<-release
			return true, nil
		})
		var asking sync.WaitGroup
		for key := range companyFrom + 1 {
			asking.Go(func() { _, _ = b.Ask(t.Context(), []int{key}, nil) })
			synctest.Wait()
		}
		release <- struct{}{}
		synctest.Wait()
		release <- struct{}{}
		asking.Wait()
		began := time.Now()
		release <- struct{}{}
		_, err := b.Ask(t.Context(), []int{99}, nil)
		require.NoError(t, err)
		require.Zero(t, time.Since(began))
	})
}
