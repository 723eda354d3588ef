package web

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// requestMetrics counts and times requests by route template, never by path: the
// number of series is bounded by the routes, whatever is asked. Handles of a route
// are looked up once, as a look-up by labels costs more than the rest of the chain.
type requestMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	panics   prometheus.Counter

	mu     sync.Mutex // held by who adds a route
	routes atomic.Pointer[map[routeKey]*routeMetrics]
}

type routeKey struct{ method, endpoint string }

type routeMetrics struct {
	duration prometheus.Observer
	statuses [600]atomic.Pointer[prometheus.Counter]
}

func newRequestMetrics(registerer prometheus.Registerer) (*requestMetrics, error) {
	m := &requestMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total",
			Help: "HTTP requests answered.",
		}, []string{"method", "endpoint", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "http_request_duration_seconds",
			Help:    "Time from a request's header to the end of its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .2, .5, 1, 2.5, 5, 10},
		}, []string{"method", "endpoint"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sical_http_panics_total",
			Help: "Panics of HTTP handlers that were caught.",
		}),
	}
	m.routes.Store(&map[routeKey]*routeMetrics{})
	err := errors.Join(
		register(registerer, &m.requests),
		register(registerer, &m.duration),
		register(registerer, &m.panics),
	)
	return m, err
}

// register shares the collectors where one process serves several APIs.
func register[C prometheus.Collector](registerer prometheus.Registerer, collector *C) error {
	err := registerer.Register(*collector)
	if known, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		*collector, ok = known.ExistingCollector.(C)
		if ok {
			return nil
		}
	}
	return err
}

// observe records an answer. endpoint is the route template, empty if none matched.
func (m *requestMetrics) observe(method, endpoint string, status int, took time.Duration) {
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

func (m *requestMetrics) counter(route *routeMetrics, key routeKey, status int) prometheus.Counter {
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
func (m *requestMetrics) add(key routeKey) *routeMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := *m.routes.Load()
	if route := old[key]; route != nil {
		return route
	}
	routes := make(map[routeKey]*routeMetrics, len(old)+1)
	for k, v := range old {
		routes[k] = v
	}
	route := &routeMetrics{duration: m.duration.WithLabelValues(key.method, key.endpoint)}
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
