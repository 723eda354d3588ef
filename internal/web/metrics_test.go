package web

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/telemetry"
)

// Scanners ask for anything; the number of series must not notice (bounded labels).
func TestMetricsAreBounded(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := telemetry.NewHTTP(registry)
	e := echo.New()
	routes(e)
	ask := func(method, path string) {
		r, _ := http.NewRequest(method, path, nil)
		c := e.NewContext(r, nil)
		e.Router().Find(method, path, c)
		m.Observe(method, c.Path(), 404, time.Millisecond)
	}
	series := func() (n int) {
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, f := range families {
			n += len(f.GetMetric())
		}
		return n
	}
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"}
	for _, method := range methods {
		ask(method, "/nowhere")
		for _, route := range e.Routes() {
			ask(method, strings.ReplaceAll(route.Path, ":id", "1"))
		}
	}
	before := series()
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		method := methods[random.IntN(len(methods))]
		if random.IntN(3) == 0 {
			method = fmt.Sprintf("M%d", random.Uint32())
		}
		path := fmt.Sprintf("/%x/%x", random.Uint64(), random.Uint64())
		if random.IntN(3) == 0 {
			path = fmt.Sprintf("/things/%x", random.Uint64())
		}
		ask(method, path)
	}
	require.Equal(t, before, series())
}

// One process may serve several APIs into one registry.
func TestMetricsAreShared(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	for range 2 {
		m := telemetry.NewHTTP(registry)
		m.Observe("GET", "/ok", 200, time.Millisecond)
	}
	a := &api{registry: registry}
	require.InDelta(t, 2, a.value(t, "http_requests_total", "method", "GET", "endpoint", "/ok", "status", "200"), 0)
}

func TestMetricsNamesAndLabels(t *testing.T) {
	t.Parallel()
	a := newAPI(t, nil)
	a.do(t, "GET", "/things/1", "")
	a.do(t, "GET", "/things/2", "")
	a.do(t, "GET", "/nowhere", "")
	require.InDelta(t, 2, a.value(t, "http_requests_total", "method", "GET", "endpoint", "/things/:id", "status", "204"), 0)
	require.InDelta(t, 1, a.value(t, "http_requests_total", "method", "GET", "endpoint", "unmatched", "status", "404"), 0)
	require.InDelta(t, 2, a.value(t, "http_request_duration_seconds", "method", "GET", "endpoint", "/things/:id"), 0)
}

// value is a counter, or the count of a histogram, with exactly these labels. A
// short answer leaves the server only when the chain is done, so it counts already.
func (a *api) value(t *testing.T, name string, labels ...string) (value float64) {
	t.Helper()
	families, err := a.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			match := f.GetName() == name && len(m.GetLabel()) == len(labels)/2
			for _, l := range m.GetLabel() {
				match = match && strings.Contains(strings.Join(labels, "\xff")+"\xff", l.GetName()+"\xff"+l.GetValue()+"\xff")
			}
			if match {
				return m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	t.Fatalf("no series %s %v", name, labels)
	return 0
}
