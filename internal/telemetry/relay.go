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
