package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Cache counts how questions were answered.
type Cache struct {
	Hits     prometheus.Counter // from memory
	Misses   prometheus.Counter // by a load
	Joined   prometheus.Counter // waits for another's load
	Outdated prometheus.Counter // answers in memory that might have been outdated: below a floor
}

// NewCache makes and registers the meters of a cache.
func NewCache(r prometheus.Registerer) *Cache {
	answers := counters(r, "sical_cache_answers_total",
		"Questions by how they were answered: hit, miss (loaded), joined (another's load); outdated counts entries passed over.", "result")
	return &Cache{
		Hits:     answers.WithLabelValues("hit"),
		Misses:   answers.WithLabelValues("miss"),
		Joined:   answers.WithLabelValues("joined"),
		Outdated: answers.WithLabelValues("outdated"),
	}
}
