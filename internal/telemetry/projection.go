package telemetry

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Projection tells how far the views are and what they cost. The label view is one
// of the binary's views; how far it is, is told for each shard that the process owns.
type Projection struct {
	position, behind, failed, parked *prometheus.GaugeVec
	events, unknown, rows, takeovers *prometheus.CounterVec
	batch                            *prometheus.HistogramVec
}

// unit are the labels of a shard of a build of a view.
var unit = []string{"view", "version", "build", "shard"}

// NewProjection makes and registers the meters of the projector.
func NewProjection(r prometheus.Registerer) *Projection {
	return &Projection{
		position:  gauges(r, "sical_projection_position", "Last position of the log that the view has applied.", unit...),
		behind:    gauges(r, "sical_projection_behind_events", "Events known to the owner that the view has not applied.", unit...),
		failed:    gauges(r, "sical_projection_failed", "1 while a fold of the view fails, else 0.", unit...),
		parked:    gauges(r, "sical_projection_parked", "Keys and streams that are held back in all builds of the view's version, as every projector of it sees it.", "view"),
		events:    counters(r, "sical_projection_events_total", "Events folded.", "view"),
		unknown:   counters(r, "sical_projection_unknown_events_total", "Events stepped over because a newer binary wrote them.", "view"),
		rows:      counters(r, "sical_projection_rows_total", "Rows written or deleted.", "view"),
		takeovers: counters(r, "sical_projection_takeovers_total", "Times that this process became the view's owner.", "view"),
		batch: histograms(r, "sical_projection_batch_seconds", "From a batch's first load to its commit.",
			[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}, "view"),
	}
}

// View is the meters of one shard of a view, looked up once.
type View struct {
	Position, Behind, Failed         prometheus.Gauge
	Events, Unknown, Rows, Takeovers prometheus.Counter
	Batch                            prometheus.Observer // seconds

	gone func()
}

// Of returns the meters of a shard. Gone ends them.
func (p *Projection) Of(view string, version, build, shard int) View {
	of := []string{view, strconv.Itoa(version), strconv.Itoa(build), strconv.Itoa(shard)}
	return View{
		Position: p.position.WithLabelValues(of...), Behind: p.behind.WithLabelValues(of...), Failed: p.failed.WithLabelValues(of...),
		Events: p.events.WithLabelValues(view), Unknown: p.unknown.WithLabelValues(view), Rows: p.rows.WithLabelValues(view),
		Takeovers: p.takeovers.WithLabelValues(view), Batch: p.batch.WithLabelValues(view),
		gone: func() {
			for _, g := range []*prometheus.GaugeVec{p.position, p.behind, p.failed} {
				g.DeleteLabelValues(of...)
			}
		},
	}
}

// Parked tells how much of a view is held back.
func (p *Projection) Parked(view string, n int) { p.parked.WithLabelValues(view).Set(float64(n)) }

// Gone ends telling how far the shard is: another process does.
func (v View) Gone() { v.gone() }
