package projector

import "github.com/prometheus/client_golang/prometheus"

// Metrics tell how far the views are and what they cost. Their only label is
// the view.
type Metrics struct {
	Position  *prometheus.GaugeVec     // last position applied
	Behind    *prometheus.GaugeVec     // events known here and not applied yet
	Failed    *prometheus.GaugeVec     // 1 while a fold fails
	Events    *prometheus.CounterVec   // folded
	Unknown   *prometheus.CounterVec   // stepped over, written by a newer binary
	Rows      *prometheus.CounterVec   // written or deleted
	Takeovers *prometheus.CounterVec   // times that this process became the owner
	Batch     *prometheus.HistogramVec // seconds from a batch's first load to its commit
}

// NewMetrics makes the collectors and registers them.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	label := []string{"view"}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "sical_projection_" + name, Help: help}, label)
	}
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sical_projection_" + name + "_total", Help: help}, label)
	}
	m := &Metrics{
		Position:  gauge("position", "Last position of the log that the view has applied."),
		Behind:    gauge("behind_events", "Events known to the owner that the view has not applied."),
		Failed:    gauge("failed", "1 while a fold of the view fails, else 0."),
		Events:    counter("events", "Events folded."),
		Unknown:   counter("unknown_events", "Events stepped over because a newer binary wrote them."),
		Rows:      counter("rows", "Rows written or deleted."),
		Takeovers: counter("takeovers", "Times that this process became the view's owner."),
		Batch: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sical_projection_batch_seconds", Help: "From a batch's first load to its commit.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, label),
	}
	registry.MustRegister(m.Position, m.Behind, m.Failed, m.Events, m.Unknown, m.Rows, m.Takeovers, m.Batch)
	return m
}

// viewMetrics are the metrics of one view, resolved once.
type viewMetrics struct {
	position, behind, failed        prometheus.Gauge
	events, unknown, rows, takeover prometheus.Counter
	batch                           prometheus.Observer
}

func (m *Metrics) of(view string) viewMetrics {
	return viewMetrics{
		position: m.Position.WithLabelValues(view), behind: m.Behind.WithLabelValues(view), failed: m.Failed.WithLabelValues(view),
		events: m.Events.WithLabelValues(view), unknown: m.Unknown.WithLabelValues(view), rows: m.Rows.WithLabelValues(view),
		takeover: m.Takeovers.WithLabelValues(view), batch: m.Batch.WithLabelValues(view),
	}
}
