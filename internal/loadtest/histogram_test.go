package loadtest

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestBucketsHoldTheirValues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(0, math.MaxInt64).Draw(t, "value")
		i := bucket(v)
		require.GreaterOrEqual(t, upper(i), v)
		if i > 0 {
			require.Less(t, upper(i-1), v)
		}
		require.LessOrEqual(t, float64(upper(i)-v), float64(v)/subs)
	})
	var h Histogram
	require.Equal(t, len(h.counts)-1, bucket(math.MaxInt64))
}

func TestQuantilesAreThoseOfTheSortedValues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Minute)), 1, 300).Draw(t, "values")
		q := rapid.Float64Range(0, 1).Draw(t, "quantile")
		var h Histogram
		for _, v := range values {
			h.Record(time.Duration(v))
		}
		slices.Sort(values)
		exact := values[max(int(math.Ceil(q*float64(len(values))))-1, 0)]
		got := int64(h.Quantile(q))
		require.GreaterOrEqual(t, got, exact)
		require.LessOrEqual(t, got, exact+exact/subs)
		require.EqualValues(t, values[len(values)-1], h.Max())
		require.EqualValues(t, len(values), h.Count())
	})
}

func TestAnEmptyHistogramSaysZero(t *testing.T) {
	t.Parallel()
	var h Histogram
	require.Zero(t, h.Quantile(0.99))
	h.Record(-time.Second)
	require.Zero(t, h.Quantile(1), "a clock that went back counts as no time")
	require.EqualValues(t, 1, h.Count())
}

func TestMedian(t *testing.T) {
	t.Parallel()
	require.Zero(t, Median(nil))
	values := []float64{9, 1, 5}
	require.EqualValues(t, 5, Median(values))
	require.Equal(t, []float64{9, 1, 5}, values, "the caller's order stays")
	require.EqualValues(t, 3, Median([]float64{9, 1, 5, 1}))
}
