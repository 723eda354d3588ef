package reaction

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
)

const (
	leaseDuration = 3 * time.Second // of a consumer's lease, unless it is renewed
	beat          = time.Second     // how often leases are renewed, and those of others tried for
)

// errLost says that another process serves the consumer, or may do so.
var errLost = errors.New("reaction: the consumer's lease is lost")

// keep renews the leases and takes what nobody serves, until ctx ends or the log
// is another.
func (s *source) keep(ctx context.Context) error {
	defer close(s.out)
	tick := time.NewTicker(beat)
	defer tick.Stop()
	troubled := false
	for {
		err := s.sync(ctx)
		if errors.Is(err, errOtherLog) {
			s.stopAll()
			return err
		}
		if err != nil && ctx.Err() == nil && !troubled { // once, not for every try while the database is away
			s.cfg.Logger.WarnContext(ctx, "consumers not looked after", "reaction", s.cfg.Reaction.Name(), "error", err)
		}
		troubled = err != nil
		select {
		case <-tick.C:
		case <-s.freed:
		case <-ctx.Done():
			s.stopAll()
			return nil
		}
	}
}

// stopAll ends all that is under way and waits for it.
func (s *source) stopAll() {
	for _, c := range s.served {
		c.cancel()
	}
	for _, c := range s.served {
		<-c.done
	}
}

// sync is one beat. It does not wait for consumers that are to stop: they keep their lease
// until they have stopped, and all other leases are renewed meanwhile.
func (s *source) sync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.lease)
	defer cancel()
	incarnation, err := s.cfg.Log.Incarnation(ctx)
	if err != nil {
		return err
	}
	if incarnation != s.tail.Incarnation() {
		return errOtherLog
	}
	if err := s.reap(); err != nil {
		return err
	}
	if err := s.renew(ctx); err != nil {
		return err
	}
	all, err := s.cfg.Reaction.Consumers(ctx)
	if err != nil {
		return err
	}
	open, newer, err := s.sift(ctx, all)
	if err != nil {
		return err
	}
	s.drop(open)
	if err := s.acquire(ctx, open); err != nil {
		return err
	}
	return s.tell(ctx, newer)
}

// sift tells which consumers are to be served, and which of them are for newer programs
// alone. New ones get their row, and what is kept of ended ones goes.
func (s *source) sift(ctx context.Context, all []Consumer) (open map[events.ID]Consumer, newer []events.ID, err error) {
	open = map[events.ID]Consumer{}
	for _, c := range all {
		if c.Ended {
			if err := s.forget(ctx, c.ID); err != nil {
				return nil, nil, err
			}
			continue
		}
		if !s.hasRow[c.ID] && !c.Newer { // a newer program may have ended that, and its row is gone
			if err := s.enter(ctx, c); err != nil {
				return nil, nil, err
			}
			s.hasRow[c.ID] = true
		}
		switch {
		case c.Held:
		case c.Newer:
			newer = append(newer, c.ID)
		default:
			open[c.ID] = c
		}
	}
	return open, newer, nil
}

// enter makes the row of a new consumer; one that is there keeps its position.
func (s *source) enter(ctx context.Context, c Consumer) error {
	_, err := s.cfg.Pool.Exec(ctx, `-- add reaction
		insert into sical.reaction (reaction, consumer, position) values ($1, $2, $3) on conflict do nothing`,
		s.cfg.Reaction.Name(), c.ID, c.From)
	return err
}

// forget deletes what is kept of a consumer that has ended, once, and not while it is
// still served.
func (s *source) forget(ctx context.Context, id events.ID) error {
	if c := s.served[id]; c != nil {
		c.cancel()
		return nil
	}
	if has, known := s.hasRow[id]; known && !has {
		return nil
	}
	for _, sql := range []string{
		`delete from sical.reaction where reaction = $1 and consumer = $2`,
		`delete from sical.reaction_poison where reaction = $1 and consumer = $2`,
	} {
		if _, err := s.cfg.Pool.Exec(ctx, sql, s.cfg.Reaction.Name(), id); err != nil {
			return err
		}
	}
	s.hasRow[id] = false
	return nil
}

// reap lets go of what has stopped. It fails with errOtherLog where one of them has found
// that: what is in memory of the log may be of what that has lost.
func (s *source) reap() (err error) {
	for id, c := range s.served {
		select {
		case <-c.done:
			delete(s.served, id)
			if errors.Is(c.why, ErrUnknown) {
				s.left[id] = left{time.Now().Add(leave), c.position}
			}
			if errors.Is(c.why, errOtherLog) {
				err = errOtherLog
			}
		default:
		}
	}
	return err
}

// drop stops consumers that are not to be served any more, or whose version has changed.
// The latter are taken up again as soon as they have stopped.
// Notes of what was left to others go where nobody is to serve it any more.
func (s *source) drop(open map[events.ID]Consumer) {
	maps.DeleteFunc(s.left, func(id events.ID, _ left) bool {
		_, ok := open[id]
		return !ok
	})
	for id, c := range s.served {
		if now, ok := open[id]; !ok || now.Version != c.Version {
			c.cancel()
		}
	}
}

// renew prolongs the leases that are still this process's, and stops the others.
func (s *source) renew(ctx context.Context) error {
	if len(s.served) == 0 {
		return nil
	}
	var ids []events.ID
	var epochs []int64
	for id, c := range s.served {
		ids, epochs = append(ids, id), append(epochs, c.epoch)
	}
	begun := time.Now()
	rows, err := s.cfg.Pool.Query(ctx, `-- renew reaction
		update sical.reaction r set lease_until = clock_timestamp() + $5::interval
		from unnest($2::uuid[], $3::bigint[]) o (consumer, epoch)
		where r.reaction = $1 and r.consumer = o.consumer and r.epoch = o.epoch and r.owner = $4 -- not given back just now
		returning r.consumer`, s.cfg.Reaction.Name(), ids, epochs, s.owner, s.lease)
	if err != nil {
		return err
	}
	held, err := pgx.CollectRows(rows, pgx.RowTo[events.ID])
	if err != nil {
		return err
	}
	still := map[events.ID]bool{}
	for _, id := range held {
		still[id] = true
		s.served[id].renew(begun, s.lease)
	}
	for _, id := range ids {
		if !still[id] {
			s.served[id].cancel()
		}
	}
	return nil
}

// acquire takes the consumers whose lease nobody holds. Failures that were counted for
// another version of a consumer are forgotten, so that it begins with all patience.
// A consumer that was left to others and stands where it stood is still failing.
func (s *source) acquire(ctx context.Context, open map[events.ID]Consumer) error {
	var wanted []events.ID
	var versions []int
	for id, c := range open {
		if s.served[id] == nil && time.Now().After(s.left[id].until) {
			wanted, versions = append(wanted, id), append(versions, c.Version)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	begun := time.Now()
	rows, err := s.cfg.Pool.Query(ctx, `-- take reaction
		update sical.reaction r
		set owner = $2, epoch = epoch + 1, lease_until = clock_timestamp() + $5::interval, version = w.version,
			failures = case when coalesce(r.version, w.version) = w.version then failures else 0 end,
			failing_since = case when coalesce(r.version, w.version) = w.version then failing_since end,
			retry_at = case when coalesce(r.version, w.version) = w.version then retry_at end
		from unnest($3::uuid[], $4::int[]) w (consumer, version)
		where r.reaction = $1 and r.consumer = w.consumer
			and (owner = $2 or lease_until is null or lease_until < clock_timestamp())
		returning r.consumer, position, epoch, failures, failing_since - clock_timestamp(), retry_at - clock_timestamp()`, s.cfg.Reaction.Name(), s.owner, wanted, versions, s.lease)
	if err != nil {
		return err
	}
	var taken []*served
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (events.ID, error) {
		c := &served{}
		var id events.ID
		var since, retry *time.Duration
		if err := row.Scan(&id, &c.position, &c.epoch, &c.failures, &since, &retry); err != nil {
			return id, err
		}
		c.since, c.retryAt = here(since), here(retry)
		c.Consumer, c.saved = open[id], c.position
		was, beyond := s.left[id]
		c.failing.Store(beyond && c.position <= was.position || c.failures > 0)
		delete(s.left, id)
		taken = append(taken, c)
		return id, nil
	})
	if err != nil {
		return err
	}
	for _, c := range taken {
		c.renew(begun, s.lease)
		s.served[c.ID] = c
		s.start(c)
	}
	return nil
}
