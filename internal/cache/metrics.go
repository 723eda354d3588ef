package cache

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts how questions were answered.
type Metrics struct {
	Hits     prometheus.Counter // from memory
	Misses   prometheus.Counter // by a load
	Joined   prometheus.Counter // waits for another's load
	Outdated prometheus.Counter // answers in memory that might have been outdated
}

// NewMetrics makes the collectors and registers them.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	answers := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sical_cache_answers_total",
		Help: "Questions by how they were answered: hit, miss (loaded), joined (another's load); outdated counts entries passed over.",
	}, []string{"result"})
	registry.MustRegister(answers)
	return &Metrics{
		Hits:     answers.WithLabelValues("hit"),
		Misses:   answers.WithLabelValues("miss"),
		Joined:   answers.WithLabelValues("joined"),
		Outdated: answers.WithLabelValues("outdated"),
	}
}
