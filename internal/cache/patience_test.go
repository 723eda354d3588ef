package cache

import (
	"context"
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
		var p patience
		for range 200 { // over several times the limit
			asker, leave := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
			ctx := p.over(asker)
			leave()
			require.NoError(t, ctx.Err())
			require.Equal(t, "value", ctx.Value(key{}))
			ends, ok := ctx.Deadline()
			require.True(t, ok)
			require.GreaterOrEqual(t, time.Until(ends), loadLimit)
			require.LessOrEqual(t, time.Until(ends), loadLimit+togetherFor)
			time.Sleep(300 * time.Millisecond)
		}
		ctx := p.over(t.Context())
		below, cancel := context.WithCancel(ctx)
		defer cancel()
		time.Sleep(loadLimit - time.Millisecond)
		require.NoError(t, ctx.Err())
		time.Sleep(togetherFor + 2*time.Millisecond)
		require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
		<-below.Done()
		require.ErrorIs(t, below.Err(), context.DeadlineExceeded)
	})
}
