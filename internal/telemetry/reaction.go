package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Reaction meters what is done about events outside; it is a reaction.Meter.
type Reaction struct {
	seconds            *prometheus.HistogramVec
	consumers, failing *prometheus.GaugeVec
}

// NewReaction makes and registers the meters of reactions.
func NewReaction(r prometheus.Registerer) *Reaction {
	gauges := func(name, help string) *prometheus.GaugeVec {
		return register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"reaction"}))
	}
	return &Reaction{
		seconds: register(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sical_reaction_seconds", Help: "Handling one event for one consumer, quick retries included, by outcome: done, failed, parked or left to a newer program.",
			Buckets: latency,
		}, []string{"reaction", "outcome"})),
		consumers: gauges("sical_reaction_consumers", "Consumers that this process serves."),
		failing:   gauges("sical_reaction_consumers_failing", "Consumers that take nothing just now, of those that this process serves or has left to newer programs for a minute, or that only newer programs can serve and none does."),
	}
}

// Reacted notes that an event was handled for a consumer.
func (m *Reaction) Reacted(reaction, outcome string, seconds float64) {
	m.seconds.WithLabelValues(reaction, outcome).Observe(seconds)
}

// Serving notes how many consumers there are.
func (m *Reaction) Serving(reaction string, consumers, failing int) {
	m.consumers.WithLabelValues(reaction).Set(float64(consumers))
	m.failing.WithLabelValues(reaction).Set(float64(failing))
}
