package loadtest

import (
	"math"
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
)

func TestAPublishedHistogramIsRead(t *testing.T) {
	t.Parallel()
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "query_seconds", Help: "le=\"1\" in a comment", Buckets: []float64{.01, .1, 1},
	}, []string{"table"})
	registry := prometheus.NewRegistry()
	registry.MustRegister(seconds)
	c, err := Dial(t.Context(), serve(t, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP))
	require.NoError(t, err)
	defer c.Close()
	scrape := func(name string) Buckets {
		b, err := Scrape(t.Context(), c, "/metrics", name)
		require.NoError(t, err)
		return b
	}
	_, ok := scrape("query_seconds").Quantile(0.95)
	require.False(t, ok, "nothing was observed")

	seconds.WithLabelValues("goal").Observe(5) // before what is looked at
	before := scrape("query_seconds")
	require.Equal(t, Buckets{.01: 0, .1: 0, 1: 0, math.Inf(1): 1}, before)
	for range 90 {
		seconds.WithLabelValues("goal").Observe(.005)
	}
	for range 10 {
		seconds.WithLabelValues("user").Observe(.5)
	}
	during := scrape("query_seconds").Since(before)
	for q, want := range map[float64]float64{0: .01, .9: .01, .91: 1, 1: 1} {
		got, ok := during.Quantile(q)
		require.True(t, ok)
		require.Equal(t, want, got, "quantile %v", q)
	}
	require.Empty(t, scrape("query"), "the whole name counts")
}

func TestScrapingFailsWithTheServer(t *testing.T) {
	t.Parallel()
	c, err := Dial(t.Context(), serve(t, http.NotFound))
	require.NoError(t, err)
	defer c.Close()
	_, err = Scrape(t.Context(), c, "/metrics", "query_seconds")
	require.Error(t, err)
}
