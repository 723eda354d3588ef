package admission

import (
	"math"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheDelayIsThatOfWhoStandsInLine: nine of ten are woken by another and run at once.
func TestTheDelayIsThatOfWhoStandsInLine(t *testing.T) {
	t.Parallel()
	q := &RunQueue{before: make([]uint64, 4)}
	h := &metrics.Float64Histogram{Counts: make([]uint64, 4), Buckets: []float64{math.Inf(-1), .001, .2, .4, math.Inf(1)}}
	for _, look := range []struct {
		more []uint64
		want time.Duration
	}{
		{[]uint64{0, 0, 0, 0}, 0},
		{[]uint64{100, 0, 0, 0}, 0},
		{[]uint64{80, 0, 20, 0}, 200 * time.Millisecond},
		{[]uint64{0, 0, 0, 0}, 0},  // of late, not since the beginning
		{[]uint64{95, 0, 5, 0}, 0}, // a few who were unlucky
		{[]uint64{0, 3, 0, 7}, 400 * time.Millisecond},
		{[]uint64{900, 50, 50, 0}, time.Millisecond},
	} {
		for i, n := range look.more {
			h.Counts[i] += n
		}
		q.look(h)
		require.Equal(t, look.want, q.delay, "%v", look.more)
	}
}

// TestTheRuntimeTellsTheDelay, as the name of what it measures is no more than a string.
func TestTheRuntimeTellsTheDelay(t *testing.T) {
	t.Parallel()
	at := time.Unix(0, 0)
	q := NewRunQueue(func() time.Time { return at })
	require.NotEmpty(t, q.before)
	require.Positive(t, slices.Max(q.before), "what was before it does not count")
	q.Delay()
	at = at.Add(limitWindow - 1)
	q.delay = time.Hour
	require.Equal(t, time.Hour, q.Delay(), "it is not looked at more often")
	at = at.Add(1)
	require.Less(t, q.Delay(), time.Hour)
}
