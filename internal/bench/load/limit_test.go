package load

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/loadtest"
)

// TestHighestRateIsFound where everything up to a limit holds.
func TestHighestRateIsFound(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 99, 100, 3000, 7777, 1 << 20} {
		c, err := search(100, func(rate int) (Sample, error) {
			s := Sample{PerSecond: float64(rate), Busy: .5}
			if rate > limit {
				s.P95 = 1000
			}
			if rate > limit/2 {
				s.Busy = .9
			}
			return s, nil
		})
		require.NoError(t, err)
		assert.LessOrEqual(t, c.Rate, limit)
		assert.GreaterOrEqual(t, c.Rate, min(limit, loadtest.MaxRate)*9/10-4, "%d", limit)
		assert.LessOrEqual(t, c.Lean, max(limit/2, 0))
		assert.LessOrEqual(t, len(c.Tried), 16)
	}
}
