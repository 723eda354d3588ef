package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Log meters appending; it is an eventlog.Meter.
type Log struct {
	events, refused, retried prometheus.Counter
	batch, seconds           prometheus.Histogram
}

// NewLog makes and registers the meters of a Log.
func NewLog(r prometheus.Registerer) *Log {
	return &Log{
		events:  counter(r, "sical_log_events_total", "Events appended."),
		refused: counter(r, "sical_log_refusals_total", "Entries refused by a guard or a claim (conflicts); most are decided anew."),
		retried: counter(r, "sical_log_retries_total", "Batches tried again after the database went away."),
		batch:   histogram(r, "sical_log_batch_events", "Events of a batch.", prometheus.ExponentialBuckets(1, 2, 10)),
		seconds: histogram(r, "sical_log_append_seconds", "One append, from call to commit.",
			[]float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1}),
	}
}

// Appended counts a batch of so many events, which took so many seconds.
func (m *Log) Appended(events int, seconds float64) {
	m.events.Add(float64(events))
	m.batch.Observe(float64(events))
	m.seconds.Observe(seconds)
}

// Refused counts an entry that was not appended.
func (m *Log) Refused() { m.refused.Inc() }

// Retried counts a batch that is tried again.
func (m *Log) Retried() { m.retried.Inc() }
