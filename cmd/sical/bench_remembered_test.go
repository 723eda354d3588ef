package main

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/loadtest"
)

// remembered counts how the cache of a system has answered so far: from memory, by a load,
// or by another's load.
type remembered struct{ hits, misses, joined float64 }

// remembers asks a system for that.
func remembers(b testing.TB, adminURL string) (r remembered) {
	b.Helper()
	conn, err := loadtest.Dial(b.Context(), adminURL)
	require.NoError(b, err)
	defer conn.Close()
	a, err := conn.Do(b.Context(), loadtest.Request{Method: http.MethodGet, Path: "/metrics"})
	require.NoError(b, err)
	for result, count := range map[string]*float64{"hit": &r.hits, "miss": &r.misses, "joined": &r.joined} {
		_, rest, found := strings.Cut(string(a.Body), `sical_cache_answers_total{result="`+result+`"} `)
		require.True(b, found, result)
		number, _, _ := strings.Cut(rest, "\n")
		*count, err = strconv.ParseFloat(number, 64)
		require.NoError(b, err)
	}
	return r
}

// loadedSince is the share of answers since then that were loaded for who asked.
func (r remembered) loadedSince(then remembered) float64 {
	misses := r.misses - then.misses
	return misses / (misses + r.hits - then.hits + r.joined - then.joined)
}
