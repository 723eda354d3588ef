package load

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/loadtest"
)

func TestPlotHasABarForEachQuantile(t *testing.T) {
	t.Parallel()
	var h loadtest.Histogram
	for i := range 1000 {
		h.Record(time.Duration(i) * time.Millisecond)
	}
	var text strings.Builder
	require.NoError(t, plot(&text, "reads", &h))
	assert.Equal(t, 1+len(quantiles), strings.Count(text.String(), "\n"))
	assert.Contains(t, text.String(), "99 %     989.86 ms", "the figure itself")
	assert.Contains(t, text.String(), strings.Repeat("█", plotWidth-1))
}
