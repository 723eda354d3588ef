package rebuild

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/internal/pause"
)

// pacer holds a rebuild back: to a rate that was asked for, and where live traffic
// suffers. The rebuild gets a share of the time. The share grows slowly as long as the
// database answers as fast as ever and the views that are read keep up, and is halved
// where they do not (additive increase, multiplicative decrease). Without traffic the
// rebuild gets all the time: if the database is slow then, the rebuild itself is why.
type pacer struct {
	pool     *pgxpool.Pool
	limit    int           // events a second; 0 for none
	requests func() uint64 // that this process has answered

	// Of run alone.
	mark   traffic   // as it was when last noted: what has grown since then is traffic
	marked time.Time // when it was taken
	busy   time.Time // until when there is traffic

	mu     sync.Mutex
	share  float64   // of the time that the rebuild may work, up to 1
	alone  bool      // there was no traffic when last looked
	rested time.Time // until when the rebuild rests for the work that it has done
	budget time.Time // until when the limit has been used up
}

const (
	probeEvery = 50 * time.Millisecond
	// mostWork is what is owed for at once: what took longer stood still or waited meanwhile.
	mostWork   = 100 * time.Millisecond
	leastShare = 0.02
	// mostShare is what a rebuild gets at most beside traffic, so that requests find a
	// processor free.
	mostShare = 0.25
	// A probe counts as slow where it takes this many times its best, and so much longer.
	slower   = 2
	slowerBy = time.Millisecond
	// liveLag is how many events the views that are read may be behind.
	liveLag = 500

	// firstShare is what a rebuild gets when traffic begins; from there the share adapts.
	firstShare = 0.05
	// few requests or reads in a second do not count as traffic: health checks go on always.
	few = 5
	// trafficLasts is for how long after the last traffic there counts as being some.
	trafficLasts = 2 * time.Second
)

func newPacer(pool *pgxpool.Pool, limit int, requests func() uint64) *pacer {
	return &pacer{pool: pool, limit: limit, requests: requests, share: 1, alone: true}
}

// wait returns when the rebuild may work on, after n events that took so long. Goroutines
// that work side by side share what is owed: each waits for the work of all.
func (p *pacer) wait(ctx context.Context, n int, took time.Duration) error {
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
		if p.rested.Before(now) {
			p.rested = now
		}
		p.rested = p.rested.Add(time.Duration(float64(min(took, mostWork)) * (1 - p.share) / p.share))
		if p.rested.After(due) {
			due = p.rested
		}
	}
	p.mu.Unlock()
	if d := due.Sub(now); d > 0 && !pause.For(ctx, d) {
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

// traffic is what grows as the system is used.
type traffic struct {
	head     int64  // of the log
	scans    int64  // of read models, by any process; the database tells within a second
	requests uint64 // answered by this process, most of them from memory
}

// run watches how live traffic fares until ctx ends.
func (p *pacer) run(ctx context.Context) {
	var best time.Duration
	for pause.For(ctx, probeEvery) {
		began := time.Now()
		seen, lag, err := p.probe(ctx)
		took := time.Since(began)
		if err != nil {
			p.adjust(true, false)
			continue
		}
		if best == 0 || took < best {
			best = took
		}
		best += best / 1000 // an old best is forgotten within a minute: the load may have changed for good
		p.adjust(p.used(seen, began) || lag > liveLag, lag <= liveLag && took <= slower*best+slowerBy)
	}
}

// probe looks at the traffic, and at how far the views that are read are behind. Of those
// only what somebody folds counts: a version that is kept as the way back, or a view that
// later releases do not have, stands where its last projector left it, however much time the
// rebuild leaves.
func (p *pacer) probe(ctx context.Context) (seen traffic, lag int64, err error) {
	err = p.pool.QueryRow(ctx, `-- probe lag
		select l.head,
			coalesce((select max(l.head - p.position) from sical.projection p join sical.view_version v using (view, version)
				join sical.projector o using (owner)
				where p.build = v.serving and p.state = 'live' and o.lease_until > clock_timestamp()), 0),
			coalesce((select sum(pg_stat_get_numscans(c.oid)) from pg_class c
				where c.relnamespace = 'sical_read'::regnamespace and c.relkind in ('r', 'i')), 0)::bigint
		from (select coalesce(max(position), 0) as head from sical.events) l`).Scan(&seen.head, &lag, &seen.scans)
	seen.requests = p.requests()
	return seen, lag, err
}

// used tells whether the system is in use, by what was seen of the traffic at that time.
func (p *pacer) used(seen traffic, at time.Time) bool {
	first := p.marked.IsZero()
	switch {
	case first:
	case seen.head != p.mark.head, seen.scans-p.mark.scans >= few, seen.requests-p.mark.requests >= few:
		p.busy = at.Add(trafficLasts)
	case at.Sub(p.marked) < time.Second:
		return at.Before(p.busy)
	}
	p.mark, p.marked = seen, at
	return at.Before(p.busy)
}

// adjust sets the share, by whether there is traffic and whether it fares well.
func (p *pacer) adjust(busy, well bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !busy:
		p.share, p.alone = 1, true
	case p.alone:
		p.share, p.alone = firstShare, false
	case well:
		p.share = min(mostShare, p.share+0.01)
	default:
		p.share = max(leastShare, p.share/2)
	}
}
