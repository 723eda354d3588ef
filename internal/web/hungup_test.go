//go:build linux || darwin

package web

import (
	"context"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// Where something fails for a client who has left, that is known, though nobody looked out.
func TestWhoHasLeftIsKnown(t *testing.T) {
	t.Parallel()
	waits, problems := make(chan bool, 1), make(chan *Problem, 1)
	s, _ := skipping(t, func(c echo.Context, _ context.Context) error {
		waits <- left(c.Request())
		for t.Context().Err() == nil && !left(c.Request()) {
			time.Sleep(time.Millisecond) // nobody tells
		}
		problems <- problemOf(context.DeadlineExceeded, c.Request())
		return nil
	})
	c := dial(t, s)
	asks(t, c, lazyRequest)
	require.False(t, testkit.Receive(t, waits))
	require.NoError(t, c.Close())
	require.Equal(t, ClientClosedRequest, testkit.Receive(t, problems).Code)
}
