package cache

import (
	"context"
	"time"

	"sical-backend/internal/wire"
)

// A notice that something is parked, or one behind others that were lost, says how far a
// view is and not what of that is held back. The database knows, but one that follows
// another may show less than what the notice tells of. Until it shows as much, the notice
// waits, and so do those of the shard that come after it: what is parked would pass for
// applied otherwise. The others go on, as does memory.

// mostPending is about how many notices of a shard may wait.
const mostPending = 1000

// pending is a notice that waits.
type pending struct {
	wire.Notice
	came time.Time
}

// receive takes in a notice that came at the instant now, or has it wait. It is dropped
// where the database does not answer, which tells where the view is once it does.
func (p *Positions) receive(ctx context.Context, n wire.Notice, now time.Time) {
	_, s := p.about(n)
	if s == nil || !s.follows(n) || len(s.pending) == 0 {
		if (n.Parks || s != nil && s.missed(n)) && !p.pollParked(ctx) {
			return
		}
		if _, s = p.about(n); s == nil || !s.follows(n) || s.ready(n) {
			p.hear(n, now)
			return
		}
	}
	s.pending = append(s.pending, pending{n, now})
	s.noticed, s.seen = now, now
	if n.Forget {
		p.clear() // which needs to know nothing else
	}
}

// pollParked asks the database what is parked, and tells whether it has answered. While it does
// not, it is asked at each tick and not for each notice.
func (p *Positions) pollParked(ctx context.Context) bool {
	if p.suspect.Load() {
		return false
	}
	answered := p.poll(ctx, false)
	if !answered {
		p.suspect.Store(true)
	}
	return answered
}

// follows tells whether a notice is of the log that is read, and of no owner that another
// has replaced.
func (s *shard) follows(n wire.Notice) bool {
	return n.Incarnation == s.incarnation && n.Epoch >= s.epoch
}

// ready tells whether it is known what is parked of what a notice tells of. What it says to
// be saved is in the transaction of what it parks, or in a later one.
func (s *shard) ready(n wire.Notice) bool {
	return !n.Parks && !s.missed(n) || s.stored >= n.Saved
}

// release takes in the notices that have waited for what the database shows now.
func (p *Positions) release(v *view, found []checkpoint, now time.Time) {
	for i := range v.shards[:min(len(v.shards), len(found))] {
		s := &v.shards[i]
		if s.stored = 0; found[i].Incarnation == s.incarnation {
			s.stored = found[i].Position
		}
		for len(s.pending) > 0 && s.ready(s.pending[0].Notice) {
			n := s.pending[0].Notice
			s.pending = s.pending[1:]
			p.hear(n, now)
		}
	}
}

// delayed tells whether notices wait for the database. Those that have waited for too long
// are dropped, and what it says is taken for what there is: it may have lost what they tell
// of.
func (p *Positions) delayed(now time.Time) (some bool) {
	for _, v := range p.views {
		for i := range v.shards {
			s := &v.shards[i]
			if len(s.pending) > mostPending || len(s.pending) > 0 && now.Sub(s.pending[0].came) > p.cfg.Silence {
				s.pending = nil
				p.suspect.Store(true)
			}
			some = some || len(s.pending) > 0
		}
	}
	return some
}
