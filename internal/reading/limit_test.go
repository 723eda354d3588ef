package reading

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Whoever asks is answered in their own time, however long the read takes, also who leads it; and
// for who is in a hurry no read is cut short that may be others' as well.
func TestAReadIsEverybodysAndItsWaitOnesOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type result struct {
			err  error
			took time.Duration
		}
		given, ended := make(chan time.Duration, 10), make(chan struct{}, 10) // of each read
		b := newBatcher(func(ctx context.Context, _ []int) (bool, error) {
			end, _ := ctx.Deadline()
			given <- time.Until(end)
			<-ctx.Done()
			ended <- struct{}{}
			return false, ctx.Err()
		})
		began := time.Now()
		ask := func(key int, left time.Duration) chan result {
			answered := make(chan result, 1)
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), left)
				defer cancel()
				_, err := b.Ask(ctx, []int{key}, nil)
				answered <- result{err, time.Since(began)}
			}()
			synctest.Wait()
			return answered
		}
		late := func(after time.Duration) result { return result{context.DeadlineExceeded, after} }

		alone := ask(1, groupLimit) // has the time, and reads for itself
		hurried, other := ask(2, time.Second), ask(3, groupLimit+time.Second)
		require.Equal(t, late(time.Second), <-hurried)
		require.Equal(t, late(groupLimit), <-alone)
		require.Equal(t, late(groupLimit+time.Second), <-other)
		require.Equal(t, []time.Duration{groupLimit, groupLimit}, []time.Duration{<-given, <-given})
		require.Equal(t, time.Second-groupLate, <-given, "what is left, to read alone")

		began = time.Now()
		require.Equal(t, late(time.Second), <-ask(4, time.Second))
		require.Equal(t, groupLimit, <-given)
		require.Len(t, ended, 3, "it goes on")
		for range 4 {
			<-ended
		}
		require.Empty(t, given)
	})
}
