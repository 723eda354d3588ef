package reaction

import (
	"context"
	"time"

	"sical-backend/events"
)

// leave is for how long a consumer whose next event only a newer program can react to is
// left to others.
const leave = time.Minute

// left is a consumer that only a newer program could serve from a position on.
type left struct {
	until    time.Time
	position uint64
}

// tell tells the meter. What is left to others counts as failing for that minute, and
// after it while it stands where it stood (see acquire); newer, those that only a newer
// program can serve, while nobody does.
func (s *source) tell(ctx context.Context, newer []events.ID) error {
	failing, err := s.unserved(ctx, newer)
	if err != nil {
		return err
	}
	for _, c := range s.served {
		if c.failing.Load() {
			failing++
		}
	}
	for _, l := range s.left {
		if time.Now().Before(l.until) {
			failing++
		}
	}
	s.cfg.Meter.Serving(s.cfg.Reaction.Name(), len(s.served), failing)
	return nil
}

// unserved is how many of these no process serves.
func (s *source) unserved(ctx context.Context, ids []events.ID) (n int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	err = s.cfg.Pool.QueryRow(ctx, `-- count reaction
		select count(*) from sical.reaction
		where reaction = $1 and consumer = any($2) and (lease_until is null or lease_until < clock_timestamp())`,
		s.cfg.Reaction.Name(), ids).Scan(&n)
	return n, err
}
