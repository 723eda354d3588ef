package telemetry

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// latency is the buckets, in seconds, of what usually takes milliseconds.
var latency = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .2, .5, 1, 2.5, 5, 10}

// register registers a collector and returns it, or the one that stands there under
// the same name: parts of one process share. It panics where that one is of
// another kind, which no run of the program changes.
func register[C prometheus.Collector](r prometheus.Registerer, collector C) C {
	err := r.Register(collector)
	if known, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		return known.ExistingCollector.(C)
	}
	if err != nil {
		panic(err)
	}
	return collector
}

func counter(r prometheus.Registerer, name, help string) prometheus.Counter {
	return register(r, prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help}))
}

func counters(r prometheus.Registerer, name, help string, labels ...string) *prometheus.CounterVec {
	return register(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels))
}

func gauge(r prometheus.Registerer, name, help string) prometheus.Gauge {
	return register(r, prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help}))
}

func gauges(r prometheus.Registerer, name, help string, labels ...string) *prometheus.GaugeVec {
	return register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels))
}

// ask is a gauge that is asked for its value when somebody looks.
func ask(r prometheus.Registerer, name, help string, value func() float64) {
	register(r, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// count is a counter that is asked for its value when somebody looks.
func count(r prometheus.Registerer, name, help string, value func() float64) {
	register(r, prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
}

func histogram(r prometheus.Registerer, name, help string, buckets []float64) prometheus.Histogram {
	return register(r, prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}))
}

func histograms(r prometheus.Registerer, name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return register(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels))
}
