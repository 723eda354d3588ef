package telemetry

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// System is what is true of the whole system and not of one process: one process at a
// time tells it, so that replicas need not be told apart and nothing is summed twice.
type System struct {
	told atomic.Pointer[Figures]

	active, created, head, relayEvents, relaySeconds, viewEvents, viewSeconds, viewState *prometheus.Desc
}

// Figures are the state of the system at one moment.
type Figures struct {
	ActiveUsers  int64            // accounts, neither suspended nor erased
	GoalsCreated map[string]int64 // ever, by category, which is bounded by configuration
	Head         uint64           // position of the newest event of the log
	Relay        *Lag             // of the stream behind the log; nil where the stream is not known
	Views        map[string]ViewFigures
}

// Lag is how far something is behind the log.
type Lag struct {
	Events  uint64
	Seconds float64 // age of the first event that is missing
}

// ViewFigures are the state of a view that is read.
type ViewFigures struct {
	Lag
	State string // live, paused or failed
}

// viewStates are the values of the label state.
var viewStates = []string{"live", "paused", "failed"}

// NewSystem makes and registers the meters of the whole system; nothing is told until
// Tell.
func NewSystem(r prometheus.Registerer) *System {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return register(r, &System{
		active:       desc("active_users_total", "Accounts that are neither suspended nor erased. Told by one process."),
		created:      desc("learning_goals_created_total", "Goals ever created, by configured category, else other. Told by one process.", "category"),
		head:         desc("sical_log_position", "Position of the newest event of the log. Told by one process."),
		relayEvents:  desc("sical_relay_lag_events", "Events of the log that are not in the stream. Told by one process."),
		relaySeconds: desc("sical_relay_lag_seconds", "Age of the first event that is not in the stream, 0 for none. Told by one process."),
		viewEvents:   desc("sical_view_lag_events", "Events of the log that the view, as it is read, has not applied. Told by one process.", "view"),
		viewSeconds:  desc("sical_view_lag_seconds", "Age of the first event that the view has not applied, 0 for none. Told by one process.", "view"),
		viewState:    desc("sical_view_state", "1 for the state that the view is in: live, paused or failed. Told by one process.", "view", "state"),
	})
}

// Tell makes the figures known; nil withdraws them, for another process to tell.
func (s *System) Tell(f *Figures) { s.told.Store(f) }

// Describe is of prometheus.Collector.
func (s *System) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		s.active, s.created, s.head, s.relayEvents, s.relaySeconds, s.viewEvents, s.viewSeconds, s.viewState,
	} {
		to <- d
	}
}

// Collect is of prometheus.Collector.
func (s *System) Collect(to chan<- prometheus.Metric) {
	f := s.told.Load()
	if f == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(s.active, float64(f.ActiveUsers))
	for category, n := range f.GoalsCreated {
		to <- prometheus.MustNewConstMetric(s.created, prometheus.CounterValue, float64(n), category)
	}
	gauge(s.head, float64(f.Head))
	if f.Relay != nil {
		gauge(s.relayEvents, float64(f.Relay.Events))
		gauge(s.relaySeconds, f.Relay.Seconds)
	}
	for view, v := range f.Views {
		gauge(s.viewEvents, float64(v.Events), view)
		gauge(s.viewSeconds, v.Seconds, view)
		for _, state := range viewStates {
			is := 0.
			if state == v.State {
				is = 1
			}
			gauge(s.viewState, is, view, state)
		}
	}
}
