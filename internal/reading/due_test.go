package reading

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

var (
	errTooLate = errors.New("too late")
	errPanic   = errors.New("panics")
)

// Whoever an answer is of no use to any more is told so when their group is about to be read, and it
// is read without them; where nobody is left, nothing is read. Each is asked once, with how many
// there are.
func TestNobodyIsReadForInVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		groups := make(chan []int, 10)
		release := make(chan error)
		b := &Batcher[int, bool]{read: func(_ context.Context, keys []int) (bool, error) {
			groups <- keys
			return true, <-release
		}}
		type result struct {
			found bool
			err   error
		}
		ask := func(key int, due error) chan result {
			answered := make(chan result, 1)
			times := 0
			go func() {
				found, err := b.Ask(t.Context(), []int{key}, func(together int) error {
					if times++; times > 1 || together > 1 && together != 3 {
						t.Errorf("%d is asked %d times, together with %d", key, times, together)
					}
					if due == errPanic {
						panic(due)
					}
					return due
				})
				answered <- result{found, err}
			}()
			synctest.Wait()
			return answered
		}
		good, late := result{true, nil}, result{false, errTooLate}

		alone := ask(1, nil)
		first, second, third := ask(2, nil), ask(3, errTooLate), ask(4, nil)
		release <- nil
		require.Equal(t, good, <-alone)
		synctest.Wait()
		release <- nil
		require.Equal(t, []result{good, late, good}, []result{<-first, <-second, <-third})
		require.Equal(t, [][]int{{1}, {2, 4}}, [][]int{<-groups, <-groups})

		alone = ask(5, nil)
		first, second, third = ask(6, errTooLate), ask(7, errTooLate), ask(8, errTooLate)
		release <- nil
		require.Equal(t, good, <-alone)
		require.Equal(t, []result{late, late, late}, []result{<-first, <-second, <-third})
		require.Equal(t, []int{5}, <-groups)
		require.Empty(t, groups, "for nobody nothing is read")

		// Where one of them panics, each reads alone, as where the read does.
		alone = ask(13, nil)
		first, second, third = ask(14, nil), ask(15, errPanic), ask(16, nil)
		release <- nil
		require.Equal(t, good, <-alone)
		require.Equal(t, []int{13}, <-groups)
		for range 3 {
			release <- nil
		}
		require.Equal(t, []result{good, good, good}, []result{<-first, <-second, <-third})
		require.ElementsMatch(t, [][]int{{14}, {15}, {16}}, [][]int{<-groups, <-groups, <-groups})

		// Where the read of the others fails, who is refused does not read alone either.
		alone = ask(9, nil)
		first, second, third = ask(10, nil), ask(11, errTooLate), ask(12, nil)
		release <- nil
		require.Equal(t, good, <-alone)
		synctest.Wait()
		release <- errors.New("broken")
		require.Equal(t, late, <-second)
		release <- nil
		release <- nil
		require.Equal(t, []result{good, good}, []result{<-first, <-third})
		require.Equal(t, [][]int{{9}, {10, 12}}, [][]int{<-groups, <-groups})
		require.ElementsMatch(t, [][]int{{10}, {12}}, [][]int{<-groups, <-groups})
	})
}
