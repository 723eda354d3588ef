package rebuild

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// pacer holds a rebuild back: to a rate that was asked for, and, where live
// traffic suffers, until it no longer does. It works in turns of which the
// rebuild gets a share, more of it as long as the database answers as fast as
// ever and the views that are read keep up (additive increase, multiplicative
// decrease).
type pacer struct {
	pool  *pgxpool.Pool
	limit int // events a second; 0 for none

	mu     sync.Mutex
	share  float64 // of the time that the rebuild may work, up to 1
	free   time.Time
	budget time.Time // until when the limit has been used up
}

const (
	probeEvery = 50 * time.Millisecond
	leastShare = 0.02
	// A probe suffers where it takes this many times its best, and so much longer.
	slower   = 3
	slowerBy = 2 * time.Millisecond
	// liveLag is how many events the views that are read may be behind.
	liveLag = 500
)

func newPacer(pool *pgxpool.Pool, limit int) *pacer {
	return &pacer{pool: pool, limit: limit, share: 1}
}

// wait returns when the next n events may be worked on.
func (p *pacer) wait(ctx context.Context, n int) error {
	p.mu.Lock()
	now := time.Now()
	due := now
	if p.limit > 0 {
		if p.budget.Before(now) {
			p.budget = now
		}
		p.budget = p.budget.Add(time.Duration(n) * time.Second / time.Duration(p.limit))
		due = p.budget
	}
	if p.share < 1 {
		// What was worked since the last turn is paid for with rest.
		worked := min(now.Sub(p.free), 20*time.Millisecond)
		rest := time.Duration(float64(worked) * (1 - p.share) / p.share)
		if at := now.Add(rest); at.After(due) {
			due = at
		}
	}
	p.free = due
	p.mu.Unlock()
	if d := due.Sub(now); d > 0 && !tick(ctx, d) {
		return context.Cause(ctx)
	}
	return nil
}

// start has run watch until stop is called.
func (p *pacer) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// run watches how live traffic fares until ctx ends.
func (p *pacer) run(ctx context.Context) {
	var best time.Duration
	for tick(ctx, probeEvery) {
		began := time.Now()
		var lag int64
		err := p.pool.QueryRow(ctx, `-- probe lag
			select coalesce(max((select coalesce(max(position), 0) from sical.events) - p.position), 0)
			from sical.projection p join sical.view_version v using (view, version)
			where p.build = v.serving and p.state = 'live'`).Scan(&lag)
		took := time.Since(began)
		if err == nil && (best == 0 || took < best) {
			best = took
		}
		best += best / 1000 // forgotten in a minute, for the load may have changed for good
		p.adjust(err == nil && lag <= liveLag && took <= slower*best+slowerBy)
	}
}

func (p *pacer) adjust(well bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if well {
		p.share = min(1, p.share+0.05)
		return
	}
	p.share = max(leastShare, p.share/2)
}
