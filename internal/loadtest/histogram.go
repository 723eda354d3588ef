package loadtest

import (
	"math"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"
)

// Durations fall into buckets of which each power of two nanoseconds has 128, so
// that a bucket is at most 1/128 of its value wide; below 256 ns they are exact.
const (
	subBits = 7
	subs    = 1 << subBits
)

// Histogram counts durations for quantiles, to within 0.8 %, as HdrHistogram does.
// Its zero value is empty; it may be used by several goroutines at once.
type Histogram struct {
	counts [(64 - subBits) * subs]atomic.Int64
	total  atomic.Int64
	max    atomic.Int64
}

// Record counts a duration; a negative one as zero.
func (h *Histogram) Record(d time.Duration) {
	v := max(int64(d), 0)
	h.counts[bucket(v)].Add(1)
	h.total.Add(1)
	for known := h.max.Load(); v > known && !h.max.CompareAndSwap(known, v); known = h.max.Load() {
	}
}

// Merge counts what another histogram has counted as well.
func (h *Histogram) Merge(other *Histogram) {
	for i := range other.counts {
		if n := other.counts[i].Load(); n > 0 {
			h.counts[i].Add(n)
		}
	}
	h.total.Add(other.total.Load())
	for longest, known := other.max.Load(), h.max.Load(); longest > known && !h.max.CompareAndSwap(known, longest); known = h.max.Load() {
	}
}

// Count is how many durations were recorded.
func (h *Histogram) Count() int64 { return h.total.Load() }

// Max is the longest duration recorded.
func (h *Histogram) Max() time.Duration { return time.Duration(h.max.Load()) }

// Quantile is a duration that the share q of those recorded, 0 to 1, do not exceed;
// zero for none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(int64(math.Ceil(q*float64(h.Count()))), 1)
	for i := range h.counts {
		if rank -= h.counts[i].Load(); rank <= 0 {
			return min(time.Duration(upper(i)), h.Max())
		}
	}
	return h.Max()
}

// bucket is the number of a value's bucket: its exponent, then its leading bits.
func bucket(v int64) int {
	shift := max(bits.Len64(uint64(v))-subBits-1, 0)
	return shift<<subBits + int(v>>shift)
}

// upper is the largest value of a bucket.
func upper(i int) int64 {
	shift := max(i>>subBits-1, 0)
	return (int64(i-shift<<subBits)+1)<<shift - 1
}

// Median is the middle of some values, of an even number the mean of the two in the
// middle; zero for none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
