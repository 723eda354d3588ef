// Package telemetry names the metrics of the log and the relay and gathers every
// collector of the process in one registry.
package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// NewRegistry makes a registry that already tells about the Go runtime and the
// process.
func NewRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Log meters appending; it is an eventlog.Meter.
type Log struct {
	events, refused, retried prometheus.Counter
	batch, seconds           prometheus.Histogram
}

// NewLog makes and registers the meters of a Log.
func NewLog(r prometheus.Registerer) *Log {
	m := &Log{
		events:  counter("sical_log_events_total", "Events appended."),
		refused: counter("sical_log_refusals_total", "Entries refused by a guard or a claim; most are decided anew."),
		retried: counter("sical_log_retries_total", "Batches tried again after the database went away."),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sical_log_batch_events", Help: "Events of a batch.", Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sical_log_append_seconds", Help: "One append, from call to commit.",
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1},
		}),
	}
	r.MustRegister(m.events, m.refused, m.retried, m.batch, m.seconds)
	return m
}

// Appended counts a batch.
func (m *Log) Appended(events int, seconds float64) {
	m.events.Add(float64(events))
	m.batch.Observe(float64(events))
	m.seconds.Observe(seconds)
}

// Refused counts an entry that was not appended.
func (m *Log) Refused() { m.refused.Inc() }

// Retried counts a batch that is tried again.
func (m *Log) Retried() { m.retried.Inc() }

// Relay meters the way onto JetStream; it is a relay.Meter.
type Relay struct {
	events   prometheus.Counter
	position prometheus.Gauge
}

// NewRelay makes and registers the meters of a Relay.
func NewRelay(r prometheus.Registerer) *Relay {
	m := &Relay{
		events:   counter("sical_relay_events_total", "Events published by this process."),
		position: prometheus.NewGauge(prometheus.GaugeOpts{Name: "sical_relay_position", Help: "Last position published by this process."}),
	}
	r.MustRegister(m.events, m.position)
	return m
}

// Relayed counts published events, the last at a position.
func (m *Relay) Relayed(events int, position uint64) {
	m.events.Add(float64(events))
	m.position.Set(float64(position))
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}
