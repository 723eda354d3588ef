package cache

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// Where nobody can say whether the log has a position, or whether it may have it soon, the views
// are waited for alone, as long as each will. The log says once that it is so.
func TestAQuestionThatFailsEndsNoWait(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	var headless, unsure atomic.Bool
	unless := func(fails *atomic.Bool) (err error) {
		if fails.Load() {
			err = errors.New("permission denied")
		}
		return err
	}
	p := NewPositions(Config{
		Views: []*projections.View{{Name: "v", Version: 1, Reads: 1}}, Logger: log.Logger(),
		Head:    func(context.Context) (uint64, error) { return 50, unless(&headless) },
		Standby: func(context.Context) (bool, error) { return false, unless(&unsure) },
	})
	v, ended := p.view("v"), make(chan error, 20)
	wait := func(patience time.Duration) error { return p.Wait(t.Context(), []string{"v"}, 60, patience) }
	wait10 := func(waiting int) {
		t.Helper()
		for range 10 {
			go func() { ended <- wait(ages) }()
		}
		testkit.Eventually(t, func() error {
			v.mu.Lock()
			defer v.mu.Unlock()
			if n := len(v.waiters); n != waiting {
				return fmt.Errorf("%d wait for the view", n)
			}
			return nil
		})
	}
	headless.Store(true)
	wait10(10)
	unsure.Store(true)
	headless.Store(false)
	wait10(20)
	require.ErrorIs(t, wait(time.Millisecond), context.DeadlineExceeded)
	require.Empty(t, ended)
	require.Equal(t, 1, log.Count("level=WARN"), "said once, not for each question")
	require.Zero(t, log.Count("level=INFO"))

	unsure.Store(false)
	require.ErrorIs(t, wait(ages), ErrPositionUnknown)
	require.Equal(t, 1, log.Count("level=INFO"))
	v.mu.Lock()
	v.applied.Store(60)
	v.mu.Unlock()
	v.wake()
	for range 20 {
		require.NoError(t, testkit.Receive(t, ended))
	}
	require.Zero(t, p.Waiting())
	require.Empty(t, p.deadlines.ending)
}
