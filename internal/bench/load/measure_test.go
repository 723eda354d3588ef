package load

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/loadtest"
)

// TestHalfOfTheProcessorsIsNoMeasurement: of a Postgres elsewhere nobody knows the time.
func TestHalfOfTheProcessorsIsNoMeasurement(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	before, after := look{at: begun}, look{at: begun.Add(time.Second), own: time.Second}
	var s Sample
	before.cost(&s, after, 1000)
	assert.Equal(t, Sample{CPU: 1000}, s)
	highest := &ceiling{Rate: 2000, Tried: []rung{{Rate: 2000, Found: s}}}
	var page bytes.Buffer
	require.NoError(t, (&Report{Parts: []Sample{s}, Highest: highest}).page(&page))
	assert.Contains(t, page.String(), "up to 2000 requests/s.")
	assert.Contains(t, page.String(), "<td>1000<td>–<td>–<td>–</tr>")
	assert.Contains(t, page.String(), "<td>–<td>did not hold</tr>")
	page.Reset()
	require.NoError(t, printParts(&page, []Sample{s}))
	require.NoError(t, printCeiling(&page, *highest))
	assert.Equal(t, 4, strings.Count(page.String(), "–"), page.String())
	after.postgres = time.Second
	before.cost(&highest.Tried[0].Found, after, 1000)
	assert.InDelta(t, 2/float64(runtime.NumCPU()), highest.Tried[0].Found.Busy, 1e-9)
	assert.Equal(t, ", with the processors' up to 0", highest.Leanly())
}

func TestMediansAreTakenFigureByFigure(t *testing.T) {
	t.Parallel()
	timed := func(p50, p99 float64) Sample {
		s := Sample{Name: "read", P50: p50, P99: p99, latency: &loadtest.Histogram{}}
		s.latency.Record(time.Duration(p50) * time.Millisecond)
		return s
	}
	m := Median([]Sample{timed(1, 9), timed(3, 7), timed(2, 8)})
	assert.Equal(t, int64(3), m.latency.Count())
	assert.Equal(t, 3*time.Millisecond, m.latency.Max())
	m.latency = nil
	assert.Equal(t, Sample{Name: "read", P50: 2, P99: 8}, m)
	assert.Equal(t, "1,234,567", thousands(1234567))
	assert.Equal(t, "999", thousands(999))
}
