package telemetry

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// HTTP counts and times requests by route template, never by path: the number of
// series is bounded by the routes, whatever is asked. Handles of a route are looked
// up once, as a look-up by labels costs more than the rest of the chain.
type HTTP struct {
	Panics prometheus.Counter // of handlers, caught
	Shed   prometheus.Counter // requests refused so that others are answered

	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec

	answered atomic.Uint64

	mu     sync.Mutex // held by who adds a route
	routes atomic.Pointer[map[routeKey]*routeMeters]
}

type routeKey struct{ method, endpoint string }

type routeMeters struct {
	duration prometheus.Observer
	statuses [600]atomic.Pointer[prometheus.Counter]
}

// NewHTTP makes and registers the meters of HTTP requests.
func NewHTTP(r prometheus.Registerer) *HTTP {
	m := &HTTP{
		Panics:   counter(r, "sical_http_panics_total", "Panics of HTTP handlers that were caught."),
		Shed:     counter(r, "sical_shed_total", "Requests refused as overloaded (503), so that the others are answered."),
		requests: counters(r, "http_requests_total", "HTTP requests answered.", "method", "endpoint", "status"),
		duration: histograms(r, "http_request_duration_seconds", "Time from a request's header to the end of its answer.",
			latency, "method", "endpoint"),
	}
	m.routes.Store(&map[routeKey]*routeMeters{})
	return m
}

// Observe records an answer. endpoint is the route template, empty if none matched.
func (m *HTTP) Observe(method, endpoint string, status int, took time.Duration) {
	m.answered.Add(1)
	if endpoint == "" {
		endpoint = "unmatched"
	}
	key := routeKey{methodLabel(method), endpoint}
	route := (*m.routes.Load())[key]
	if route == nil {
		route = m.add(key)
	}
	route.duration.Observe(took.Seconds())
	m.counter(route, key, status).Inc()
}

// Answered is how many requests were answered so far, whichever they were.
func (m *HTTP) Answered() uint64 { return m.answered.Load() }

func (m *HTTP) counter(route *routeMeters, key routeKey, status int) prometheus.Counter {
	if status < 100 || status >= len(route.statuses) {
		status = http.StatusInternalServerError
	}
	if c := route.statuses[status].Load(); c != nil {
		return *c
	}
	c := m.requests.WithLabelValues(key.method, key.endpoint, strconv.Itoa(status))
	route.statuses[status].Store(&c)
	return c
}

// add puts a new route into a copy of the map, so that readers need no lock.
func (m *HTTP) add(key routeKey) *routeMeters {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := *m.routes.Load()
	if route := old[key]; route != nil {
		return route
	}
	routes := make(map[routeKey]*routeMeters, len(old)+1)
	for k, v := range old {
		routes[k] = v
	}
	route := &routeMeters{duration: m.duration.WithLabelValues(key.method, key.endpoint)}
	routes[key] = route
	m.routes.Store(&routes)
	return route
}

// methodLabel bounds the label: a method is any token a client likes to send.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
		http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}
