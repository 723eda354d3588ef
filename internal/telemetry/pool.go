package telemetry

import (
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// Pools tells of the pools of connections to Postgres, whenever it is asked. The
// label pool is what it is for: those of the same name add up, as if either could take
// the connections of the other.
type Pools struct {
	connections, limit, acquires, waits, waited, cancelled, opened *prometheus.Desc

	mu    sync.Mutex
	pools map[string][]*pgxpool.Pool
}

// NewPools makes and registers the meters of pools.
func NewPools(r prometheus.Registerer) *Pools {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("sical_pool_"+name, help, append([]string{"pool"}, labels...), nil)
	}
	return register(r, &Pools{
		pools:       map[string][]*pgxpool.Pool{},
		connections: desc("connections", "Open connections by state: busy, idle, opening.", "state"),
		limit:       desc("connections_max", "Connections that may be open."),
		acquires:    desc("acquires_total", "Times that a connection was asked for and given."),
		waits:       desc("waits_total", "Of those, times that none was idle."),
		waited:      desc("wait_seconds_total", "Time spent waiting where none was idle."),
		cancelled:   desc("cancelled_acquires_total", "Times that whoever asked gave up."),
		opened:      desc("opened_total", "Connections opened."),
	})
}

// Add tells of a pool from now on. The function that it returns ends that, before the
// pool is closed.
func (p *Pools) Add(name string, pool *pgxpool.Pool) (remove func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pools[name] = append(p.pools[name], pool)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.pools[name] = slices.DeleteFunc(p.pools[name], func(other *pgxpool.Pool) bool { return other == pool })
	}
}

// Describe is of prometheus.Collector.
func (p *Pools) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{p.connections, p.limit, p.acquires, p.waits, p.waited, p.cancelled, p.opened} {
		to <- d
	}
}

// Collect is of prometheus.Collector.
func (p *Pools) Collect(to chan<- prometheus.Metric) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, pools := range p.pools {
		collect(p, to, name, pools)
	}
}

func collect(p *Pools, to chan<- prometheus.Metric, name string, pools []*pgxpool.Pool) {
	var busy, idle, opening, limit, acquires, waits, waited, cancelled, opened float64
	for _, pool := range pools {
		s := pool.Stat()
		busy += float64(s.AcquiredConns())
		idle += float64(s.IdleConns())
		opening += float64(s.ConstructingConns())
		limit += float64(s.MaxConns())
		acquires += float64(s.AcquireCount())
		waits += float64(s.EmptyAcquireCount())
		waited += s.EmptyAcquireWaitTime().Seconds()
		cancelled += float64(s.CanceledAcquireCount())
		opened += float64(s.NewConnsCount())
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{name}, labels...)...)
	}
	total := func(d *prometheus.Desc, v float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, name)
	}
	gauge(p.connections, busy, "busy")
	gauge(p.connections, idle, "idle")
	gauge(p.connections, opening, "opening")
	gauge(p.limit, limit)
	total(p.acquires, acquires)
	total(p.waits, waits)
	total(p.waited, waited)
	total(p.cancelled, cancelled)
	total(p.opened, opened)
}
