package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/cache"
	"sical-backend/internal/testkit"
)

// TestLargeAnswersTakeTheirTime: what is large has time from when it is sent on, however long
// was waited for it; what is not leaves the deadline alone.
func TestLargeAnswersTakeTheirTime(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]time.Duration{1: 0, 64 << 10: 0, 6 << 20: (10 + 192) * time.Second} {
		w := &testkit.Timed{ResponseRecorder: httptest.NewRecorder()}
		c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/v1/goals", nil), w)
		before := time.Now()
		require.NoError(t, write(c, cache.Answer{Body: make([]byte, size), ETag: `"1"`}, keptByClient))
		require.Equal(t, size, w.Body.Len())
		if want == 0 {
			require.Zero(t, w.Until, size)
			continue
		}
		require.WithinRange(t, w.Until, before.Add(want), time.Now().Add(want))
	}
}
