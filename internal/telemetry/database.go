package telemetry

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxStatements bounds the named statements of a process. There are some dozens;
// what a mistake would add counts as unnamed.
const maxStatements = 300

// Database counts and times statements by what they do and to which table, as their
// caller named them.
type Database struct {
	duration *prometheus.HistogramVec
	queries  *prometheus.CounterVec
	slow     prometheus.Counter

	mu    sync.Mutex // held by who adds a statement
	known atomic.Pointer[map[string]*Statement]
}

// NewDatabase makes and registers the meters of statements.
func NewDatabase(r prometheus.Registerer) *Database {
	d := &Database{
		duration: histograms(r, "db_query_duration_seconds", "Time from sending a statement to the end of its result.",
			[]float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}, "operation", "table"),
		queries: counters(r, "db_queries_total", "Statements by how they ended: ok, error, cancelled.", "operation", "table", "status"),
		slow:    counter(r, "sical_db_slow_queries_total", "Statements that took longer than the limit; each has a line in the log."),
	}
	d.known.Store(&map[string]*Statement{})
	return d
}

// Statement meters one statement, or all of one name.
type Statement struct {
	Name                  string // operation and table
	duration              prometheus.Observer
	ok, failed, cancelled prometheus.Counter
	slow                  prometheus.Counter
}

// Statement finds the meters of "operation table", such as "append events".
func (d *Database) Statement(name string) *Statement {
	if s := (*d.known.Load())[name]; s != nil {
		return s
	}
	return d.add(strings.Clone(name))
}

func (d *Database) add(name string) *Statement {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := *d.known.Load()
	if s := old[name]; s != nil {
		return s
	}
	operation, table, ok := strings.Cut(name, " ")
	if !ok || !word(operation) || !word(table) || len(old) >= maxStatements {
		operation, table = "unnamed", "unnamed"
	}
	s := &Statement{
		Name: operation + " " + table, slow: d.slow,
		duration:  d.duration.WithLabelValues(operation, table),
		ok:        d.queries.WithLabelValues(operation, table, "ok"),
		failed:    d.queries.WithLabelValues(operation, table, "error"),
		cancelled: d.queries.WithLabelValues(operation, table, "cancelled"),
	}
	if len(old) >= maxStatements {
		return s // and not kept: what is unbounded shall not fill memory either
	}
	known := make(map[string]*Statement, len(old)+1)
	for k, v := range old {
		known[k] = v
	}
	known[name] = s
	d.known.Store(&known)
	return s
}

// word tells whether s may be a label's value: a short one in lower case.
func word(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 40
}

// Outcome is how a statement ended.
type Outcome int

// The outcomes. A cancelled one says something of its caller, not of the database.
const (
	OK Outcome = iota
	Failed
	Cancelled
)

// Done counts a statement that has ended.
func (s *Statement) Done(outcome Outcome, took time.Duration) {
	s.duration.Observe(took.Seconds())
	switch outcome {
	case OK:
		s.ok.Inc()
	case Cancelled:
		s.cancelled.Inc()
	default:
		s.failed.Inc()
	}
}

// Slow counts a statement that took too long.
func (s *Statement) Slow() { s.slow.Inc() }
