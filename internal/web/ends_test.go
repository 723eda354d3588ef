package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
)

// Whatever a request waits for ends in time for its answer to be sent, counted from when it
// began, and for its own sake alone: before anybody waits, there is no timer.
func TestLazyContextEndsInTime(t *testing.T) {
	t.Parallel()
	require.Less(t, AnswerWithin+2*time.Second, writeTimeout)
	synctest.Test(t, func(t *testing.T) {
		asked := func(ctx context.Context) echo.Context {
			return echo.New().NewContext(httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil), httptest.NewRecorder())
		}
		ends := func(c echo.Context, after time.Duration) {
			t.Helper()
			began := time.Now()
			ctx := LazyContext(c)
			end, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, after, end.Sub(began))
			below, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			<-below.Done()
			require.Equal(t, after, time.Since(began))
			require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
			require.ErrorIs(t, below.Err(), context.DeadlineExceeded)
		}
		ends(asked(t.Context()), AnswerWithin)
		ends(&request{Context: asked(t.Context()), begun: time.Now().Add(-2 * time.Second)}, AnswerWithin-2*time.Second)
		sooner, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		ends(asked(sooner), time.Second)

		ctx := LazyContext(asked(t.Context()))
		time.Sleep(2 * AnswerWithin)
		require.NoError(t, ctx.Err(), "nobody has waited")
	})
}
