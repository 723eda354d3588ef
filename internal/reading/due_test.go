package reading

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
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
		panics := false
		b := newBatcher(func(_ context.Context, keys []int) (bool, error) {
			groups <- keys
			return true, <-release
		})
		type result struct {
			found bool
			err   error
		}
		// ask asks for a key, in a group of so many.
		ask := func(key, together int, due error) chan result {
			answered := make(chan result, 1)
			asked := 0
			go func() {
				found, err := b.Ask(t.Context(), []int{key}, func(n int) error {
					asked++
					assert.Equal(t, together, n, key)
					if due == errPanic {
						panic(due)
					}
					return due
				})
				assert.True(t, asked == 1 || err == nil && asked == 0 && panics, "%d was asked %d times", key, asked)
				answered <- result{found, err}
			}()
			synctest.Wait()
			return answered
		}
		good, late := result{true, nil}, result{false, errTooLate}

		alone := ask(1, 1, nil)
		first, second, third := ask(2, 3, nil), ask(3, 3, errTooLate), ask(4, 3, nil)
		release <- nil
		require.Equal(t, good, <-alone)
		require.Equal(t, late, <-second, "without waiting for the others")
		release <- nil
		require.Equal(t, []result{good, good}, []result{<-first, <-third})
		require.Equal(t, [][]int{{1}, {2, 4}}, [][]int{<-groups, <-groups})

		alone = ask(5, 1, nil)
		first, second, third = ask(6, 3, errTooLate), ask(7, 3, errTooLate), ask(8, 3, errTooLate)
		release <- nil
		require.Equal(t, good, <-alone)
		require.Equal(t, []result{late, late, late}, []result{<-first, <-second, <-third})
		require.Equal(t, []int{5}, <-groups)
		require.Empty(t, groups, "for nobody nothing is read")

		// Where one of them panics, each of them reads alone, as where the read does.
		panics = true // and who comes behind it is not asked
		alone = ask(13, 1, nil)
		first, second, third = ask(14, 3, nil), ask(15, 3, errPanic), ask(16, 3, nil)
		release <- nil
		require.Equal(t, good, <-alone)
		require.Equal(t, []int{13}, <-groups)
		for range 3 {
			release <- nil
		}
		require.Equal(t, []result{good, good, good}, []result{<-first, <-second, <-third})
		require.ElementsMatch(t, [][]int{{14}, {15}, {16}}, [][]int{<-groups, <-groups, <-groups})
		panics = false

		// Where the read of the others fails, who is refused does not read alone either.
		alone = ask(9, 1, nil)
		first, second, third = ask(10, 3, nil), ask(11, 3, errTooLate), ask(12, 3, nil)
		release <- nil
		require.Equal(t, good, <-alone)
		require.Equal(t, late, <-second)
		release <- errors.New("broken")
		release <- nil
		release <- nil
		require.Equal(t, []result{good, good}, []result{<-first, <-third})
		require.Equal(t, [][]int{{9}, {10, 12}}, [][]int{<-groups, <-groups})
		require.ElementsMatch(t, [][]int{{10}, {12}}, [][]int{<-groups, <-groups})
	})
}
