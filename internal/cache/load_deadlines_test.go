package cache

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A load ends when it takes too long, and not with who asked for it; one that begins later has
// as long, however many there were before.
func TestALoadIsGivenItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var d loadDeadlines
		given := func(ctx context.Context, most time.Duration) {
			t.Helper()
			end, ok := ctx.Deadline()
			require.True(t, ok)
			require.Greater(t, time.Until(end), most-togetherFor)
			require.LessOrEqual(t, time.Until(end), most)
		}
		for range 200 { // over several times the limit
			asker, leave := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
			ctx := d.over(asker)
			leave()
			require.NoError(t, ctx.Err())
			require.Equal(t, "value", ctx.Value(key{}))
			given(ctx, loadLimit)
			for _, left := range []time.Duration{time.Hour, loadLimit, 3 * time.Second, togetherFor} {
				asker, leave := context.WithTimeout(t.Context(), left)
				ctx := d.over(asker)
				leave()
				given(ctx, min(left, loadLimit))
			}
			time.Sleep(300 * time.Millisecond)
		}
		ctx := d.over(t.Context())
		below, cancel := context.WithCancel(ctx)
		defer cancel()
		time.Sleep(loadLimit - togetherFor)
		require.NoError(t, ctx.Err())
		time.Sleep(togetherFor + time.Millisecond)
		require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
		<-below.Done()
		require.ErrorIs(t, below.Err(), context.DeadlineExceeded)

		late, leave := context.WithTimeout(t.Context(), 0)
		defer leave()
		require.ErrorIs(t, d.over(late).Err(), context.DeadlineExceeded)
	})
}

// However often a load is given up for who began it, whoever has more left begins another: also where
// it had read something by then.
func TestALoadIsBegunAsOftenAsItTakes(t *testing.T) {
	t.Parallel()
	for name, givenUp := range map[string]Answer{"nothing": {}, "something": {Checkpoints: stood(10)}} {
		t.Run(name, func(t *testing.T) { t.Parallel(); asOftenAsItTakes(t, givenUp) })
	}
}

func asOftenAsItTakes(t *testing.T, givenUp Answer) {
	f := newFloored(t)
	synctest.Test(t, func(t *testing.T) {
		q := Question{Key: "q", Views: []string{"v"}, Load: func(ctx context.Context) (Answer, error) {
			if end, ok := ctx.Deadline(); ok && time.Until(end) > loadLimit/2 {
				return Answer{Body: []byte("there"), Checkpoints: stood(10)}, nil
			}
			<-ctx.Done()
			return givenUp, ctx.Err()
		}}
		ask := func(left time.Duration) <-chan error {
			answered := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), left)
				defer cancel()
				_, err := f.c.Do(ctx, q)
				answered <- err
			}()
			synctest.Wait()
			return answered
		}
		first := ask(time.Second)
		hurried := func() {
			for range 15 { // of all of whom one begins the second load, nearly always
				ask(2 * time.Second)
			}
		}
		hurried()
		patient := ask(loadLimit)
		hurried()
		require.ErrorIs(t, <-first, context.DeadlineExceeded)
		require.NoError(t, <-patient)
	})
}

// Of a crowd whose time ends together all are answered at its end, and not each begins a load that is
// over at once.
func TestNoLoadIsBegunForWhoHasNoTimeLeft(t *testing.T) {
	t.Parallel()
	f := newFloored(t)
	synctest.Test(t, func(t *testing.T) {
		var loads atomic.Int64
		q := Question{Key: "q", Views: []string{"v"}, Load: func(ctx context.Context) (Answer, error) {
			loads.Add(1)
			<-ctx.Done()
			return Answer{}, ctx.Err()
		}}
		ctx, cancel := context.WithTimeout(t.Context(), loadLimit)
		defer cancel()
		asked, answered := time.Now(), make(chan error, 100)
		for range cap(answered) {
			go func() {
				_, err := f.c.Do(ctx, q)
				answered <- err
			}()
		}
		for range cap(answered) {
			require.ErrorIs(t, <-answered, context.DeadlineExceeded)
		}
		require.LessOrEqual(t, time.Since(asked), loadLimit)
		require.EqualValues(t, 1, loads.Load())
	})
}

// Whoever asks is answered in their own time: a load that was given up for who began it is begun
// anew for those who have more left, and who has less does not wait for its end.
func TestALoadIsSharedByThoseWithTime(t *testing.T) {
	t.Parallel()
	f := newFloored(t)
	synctest.Test(t, func(t *testing.T) {
		loads := 0
		q := Question{Key: "q", Views: []string{"v"}, Load: func(ctx context.Context) (Answer, error) {
			if loads++; loads == 1 {
				<-ctx.Done()
				return Answer{}, ctx.Err()
			}
			time.Sleep(time.Second)
			return Answer{Body: []byte("there"), Checkpoints: stood(10)}, nil
		}}
		type result struct {
			err  error
			took time.Duration
		}
		began := time.Now()
		ask := func(left time.Duration) chan result {
			answered := make(chan result, 1)
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), left)
				defer cancel()
				_, err := f.c.Do(ctx, q)
				answered <- result{err, time.Since(began)}
			}()
			synctest.Wait()
			return answered
		}
		first, hurried, others := ask(3*time.Second), ask(time.Second), []chan result{ask(loadLimit), ask(loadLimit)}
		require.Equal(t, result{context.DeadlineExceeded, time.Second}, <-hurried)
		got := <-first
		require.ErrorIs(t, got.err, context.DeadlineExceeded)
		require.LessOrEqual(t, got.took, 3*time.Second)
		for _, other := range others {
			require.Equal(t, result{nil, got.took + time.Second}, <-other)
		}
		require.Equal(t, 2, loads)
	})
}
