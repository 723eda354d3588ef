package load

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
	queries       loadtest.Buckets
}

// look reads processor time, memory and metrics, as far as the system's process is
// known and tells them.
func (sys *System) look(ctx context.Context) (look, error) {
	now := look{at: time.Now()}
	if sys.PID == 0 {
		return now, nil
	}
	// What sical starts is its private Postgres. Without /proc there is no tree.
	if tree, err := loadtest.Tree(sys.PID); err == nil {
		now.own, now.postgres = tree[0].CPU, loadtest.CPU(tree[1:])
	}
	conn, err := loadtest.Dial(ctx, sys.AdminURL)
	if err != nil {
		return now, err
	}
	defer conn.Close()
	now.queries, err = loadtest.Scrape(ctx, conn, "/metrics", queryMetric)
	return now, err
}

// memory looks at how much a system has resident until it is told to end, and tells the
// most that it saw, in MiB; 0 where its process is not known.
func (sys *System) memory() (most func() float64) {
	if sys.PID == 0 {
		return func() float64 { return 0 }
	}
	watched := loadtest.WatchMemory(sys.PID)
	return func() float64 { return float64(watched()) / (1 << 20) }
}

// cost puts what so many units cost into a sample. How busy the processors were is known
// only where Postgres is this system's own: without its share that is half of the truth.
func (before look) cost(s *Sample, after look, units float64) {
	own, postgres := after.own-before.own, after.postgres-before.postgres
	s.CPU = float64(own.Microseconds()) / units
	s.PostgresCPU = float64(postgres.Microseconds()) / units
	if postgres > 0 {
		s.Busy = (own + postgres).Seconds() / after.at.Sub(before.at).Seconds() / float64(runtime.NumCPU())
	}
	seconds, _ := after.queries.Since(before.queries).Quantile(.95)
	s.Query = 1000 * seconds
}
