package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Relay meters the way onto JetStream; it is a relay.Meter.
type Relay struct {
	events   prometheus.Counter
	position prometheus.Gauge
}

// NewRelay makes and registers the meters of a Relay.
func NewRelay(r prometheus.Registerer) *Relay {
	return &Relay{
		events:   counter(r, "sical_relay_events_total", "Events published by this process."),
		position: gauge(r, "sical_relay_position", "Last position published by this process."),
	}
}

// Relayed counts published events, the last at a position.
func (m *Relay) Relayed(events int, position uint64) {
	m.events.Add(float64(events))
	m.position.Set(float64(position))
}

// Reconcile meters the comparison of log and stream; it is a reconcile.Meter.
type Reconcile struct {
	differences, last           prometheus.Gauge
	compared, repairs, failures prometheus.Counter
}

// NewReconcile makes and registers the meters of a Reconciler.
func NewReconcile(r prometheus.Registerer) *Reconcile {
	return &Reconcile{
		differences: gauge(r, "sical_reconcile_differences", "Positions at which the stream contradicts the log, as of the last comparison; 0 once it was made anew."),
		last:        gauge(r, "sical_reconcile_last_run_timestamp_seconds", "When log and stream were last compared; 0 for never."),
		compared:    counter(r, "sical_reconcile_events_total", "Positions compared."),
		repairs:     counter(r, "sical_reconcile_repairs_total", "Times that the stream was made anew because it differed."),
		failures:    counter(r, "sical_reconcile_failures_total", "Comparisons that could not be made, or after which the stream was not made anew."),
	}
}

// Reconciled sets what the last comparison left.
func (m *Reconcile) Reconciled(compared, differences int) {
	m.compared.Add(float64(compared))
	m.differences.Set(float64(differences))
	m.last.SetToCurrentTime()
}

// Repaired counts a stream that was made anew.
func (m *Reconcile) Repaired() { m.repairs.Inc() }

// Failed counts a comparison that could not be made.
func (m *Reconcile) Failed() { m.failures.Inc() }
