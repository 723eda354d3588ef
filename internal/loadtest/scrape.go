package loadtest

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Buckets are the cumulative counts of a Prometheus histogram by upper bound, in the
// unit of the metric, summed over all its labels.
type Buckets map[float64]float64

// Scrape reads a histogram from the metrics of a server; empty where it has none of
// that name.
func Scrape(ctx context.Context, c *Conn, path, name string) (Buckets, error) {
	a, err := c.Do(ctx, Request{Method: "GET", Path: path})
	if err != nil {
		return nil, err
	}
	b := Buckets{}
	for line := range strings.Lines(string(a.Body)) {
		labels, ok := strings.CutPrefix(line, name+"_bucket{")
		if !ok {
			continue
		}
		// The bound is the last label; others may end in the same letters.
		bound, _, _ := strings.Cut(labels[strings.LastIndex(labels, `le="`)+4:], `"`)
		le, err := strconv.ParseFloat(bound, 64) // +Inf as well
		if err != nil {
			return nil, err
		}
		count, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 64)
		if err != nil {
			return nil, err
		}
		b[le] += count
	}
	return b, nil
}

// Since takes away what an earlier scrape had counted.
func (b Buckets) Since(earlier Buckets) Buckets {
	d := Buckets{}
	for le, count := range b {
		d[le] = count - earlier[le]
	}
	return d
}

// Quantile is the upper bound of the bucket that holds the quantile q, 0 to 1: what
// the histogram can promise. ok is false where nothing was counted.
func (b Buckets) Quantile(q float64) (bound float64, ok bool) {
	all := b[math.Inf(1)]
	var bounds []float64
	for le := range b {
		bounds = append(bounds, le)
	}
	slices.Sort(bounds)
	for _, le := range bounds {
		if all > 0 && b[le] >= q*all {
			return le, true
		}
	}
	return 0, false
}
