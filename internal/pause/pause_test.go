package pause

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		require.True(t, For(ctx, time.Second))
		require.Equal(t, time.Second, time.Since(begun))
		require.False(t, For(ctx, time.Hour), "the context ended")
		require.Equal(t, 3*time.Second, time.Since(begun))
		require.False(t, For(ctx, 0), "and stays so")
	})
}
