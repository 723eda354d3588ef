package main

import (
	"context"
	"runtime"
	"time"

	"sical-backend/internal/loadtest"
)

// queryMetric is the histogram of database queries, in seconds.
const queryMetric = "db_query_duration_seconds"

// look is what a system had cost at one moment.
type look struct {
	at            time.Time
	own, postgres time.Duration // processor time
	memory        int64
	queries       loadtest.Buckets
}

// look reads processor time, memory and metrics, as far as the system's process is
// known and tells them.
func (l *loaded) look(ctx context.Context) (look, error) {
	now := look{at: time.Now()}
	if l.pid == 0 {
		return now, nil
	}
	// What sical starts is its private Postgres. Without /proc there is no tree.
	if tree, err := loadtest.Tree(l.pid); err == nil {
		now.own, now.postgres, now.memory = tree[0].CPU, loadtest.CPU(tree[1:]), tree[0].Memory
	}
	conn, err := loadtest.Dial(ctx, l.adminURL)
	if err != nil {
		return now, err
	}
	defer conn.Close()
	now.queries, err = loadtest.Scrape(ctx, conn, "/metrics", queryMetric)
	return now, err
}

// cost puts what so many units cost into a sample.
func (before look) cost(s *sample, after look, units float64) {
	own, postgres := after.own-before.own, after.postgres-before.postgres
	s.CPU = float64(own.Microseconds()) / units
	s.PostgresCPU = float64(postgres.Microseconds()) / units
	s.Busy = (own + postgres).Seconds() / after.at.Sub(before.at).Seconds() / float64(runtime.NumCPU())
	s.Memory = float64(after.memory) / (1 << 20)
	seconds, _ := after.queries.Since(before.queries).Quantile(.95)
	s.Query = 1000 * seconds
}
