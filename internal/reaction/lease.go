package reaction

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
)

const (
	leased = 3 * time.Second
	beat   = time.Second // how often leases are renewed, and those of others tried for
)

// errLost says that another process serves the consumer, or might.
var errLost = errors.New("reaction: the consumer's lease is lost")

// keep renews the leases and takes what nobody serves, until ctx ends or the log
// is another.
func (s *source) keep(ctx context.Context) error {
	defer close(s.out)
	tick := time.NewTicker(beat)
	defer tick.Stop()
	known := map[events.ID]bool{}
	for {
		err := s.sync(ctx, known)
		if errors.Is(err, errOtherLog) {
			s.stopAll()
			return err
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.WarnContext(ctx, "leases not renewed", "reaction", s.cfg.Reaction.Name(), "err", err)
		}
		select {
		case <-tick.C:
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

// sync is one beat.
func (s *source) sync(ctx context.Context, known map[events.ID]bool) error {
	ctx, cancel := context.WithTimeout(ctx, leased)
	defer cancel()
	incarnation, err := s.cfg.Log.Incarnation(ctx)
	if err != nil {
		return err
	}
	if incarnation != s.incarnation {
		return errOtherLog
	}
	all, err := s.cfg.Reaction.Consumers(ctx)
	if err != nil {
		return err
	}
	open := map[events.ID]Consumer{}
	for _, c := range all {
		if c.Ended {
			if err := s.forget(ctx, c.ID, known); err != nil {
				return err
			}
			continue
		}
		if !known[c.ID] {
			if err := s.enter(ctx, c); err != nil {
				return err
			}
			known[c.ID] = true
		}
		if !c.Held {
			open[c.ID] = c
		}
	}
	s.drop(open)
	if err := s.renew(ctx); err != nil {
		return err
	}
	return s.acquire(ctx, open)
}

// enter makes the row of a new consumer; one that is there keeps its position.
func (s *source) enter(ctx context.Context, c Consumer) error {
	_, err := s.cfg.Pool.Exec(ctx, `
		insert into sical.reaction (reaction, consumer, position) values ($1, $2, $3) on conflict do nothing`,
		s.cfg.Reaction.Name(), c.ID, c.From)
	return err
}

// forget deletes what is kept of a consumer that has ended, once.
func (s *source) forget(ctx context.Context, id events.ID, known map[events.ID]bool) error {
	s.stop(id)
	if ended, seen := known[id]; seen && !ended {
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
	known[id] = false
	return nil
}

// drop stops what is not to be served any more, or has ended, or wants something
// else now; the last is taken up again at once.
func (s *source) drop(open map[events.ID]Consumer) {
	failing := 0
	for id, c := range s.served {
		select {
		case <-c.done:
			delete(s.served, id)
			continue
		default:
		}
		if now, ok := open[id]; !ok || now.Version != c.Version {
			s.stop(id)
			continue
		}
		if c.failing.Load() {
			failing++
		}
	}
	s.cfg.Meter.Serving(s.cfg.Reaction.Name(), len(s.served), failing)
}

// stop ends the serving of one consumer, if there is any, and waits for it.
func (s *source) stop(id events.ID) {
	if c := s.served[id]; c != nil {
		c.cancel()
		<-c.done
		delete(s.served, id)
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
	rows, err := s.cfg.Pool.Query(ctx, `
		update sical.reaction r set lease_until = clock_timestamp() + interval '3 seconds'
		from unnest($2::uuid[], $3::bigint[]) o (consumer, epoch)
		where r.reaction = $1 and r.consumer = o.consumer and r.epoch = o.epoch
		returning r.consumer`, s.cfg.Reaction.Name(), ids, epochs)
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
		s.served[id].renew(begun)
	}
	for _, id := range ids {
		if !still[id] {
			s.stop(id)
		}
	}
	return nil
}

// acquire takes the consumers whose lease nobody holds.
func (s *source) acquire(ctx context.Context, open map[events.ID]Consumer) error {
	var wanted []events.ID
	for id := range open {
		if s.served[id] == nil {
			wanted = append(wanted, id)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	begun := time.Now()
	rows, err := s.cfg.Pool.Query(ctx, `
		update sical.reaction
		set owner = $2, epoch = epoch + 1, lease_until = clock_timestamp() + interval '3 seconds'
		where reaction = $1 and consumer = any($3) and (owner = $2 or lease_until is null or lease_until < clock_timestamp())
		returning consumer, position, epoch, failures, failing_since, retry_at`, s.cfg.Reaction.Name(), s.owner, wanted)
	if err != nil {
		return err
	}
	var taken []*served
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (events.ID, error) {
		c := &served{}
		var id events.ID
		if err := row.Scan(&id, &c.position, &c.epoch, &c.failures, &c.since, &c.retryAt); err != nil {
			return id, err
		}
		c.Consumer, c.saved = open[id], c.position
		taken = append(taken, c)
		return id, nil
	})
	if err != nil {
		return err
	}
	for _, c := range taken {
		c.renew(begun)
		s.served[c.ID] = c
		s.start(c)
	}
	return nil
}

// commit stores that every event up to the position is done with. It fails with
// errLost where another process serves the consumer by now.
func (s *source) commit(ctx context.Context, c *served, position uint64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leased)
	defer cancel()
	begun := time.Now()
	done, err := s.cfg.Pool.Exec(ctx, `
		update sical.reaction
		set position = $4, failures = 0, failing_since = null, retry_at = null, updated_at = clock_timestamp(),
			lease_until = clock_timestamp() + interval '3 seconds'
		where reaction = $1 and consumer = $2 and epoch = $3`, s.cfg.Reaction.Name(), c.ID, c.epoch, position)
	if err != nil {
		return err
	}
	if done.RowsAffected() == 0 {
		return errLost
	}
	c.position, c.saved, c.failures, c.since = position, position, 0, nil
	c.failing.Store(false)
	c.renew(begun)
	return nil
}

// failed notes a round of failures and waits for the next, or gives the consumer
// up and waits to be dropped.
func (s *source) failed(ctx context.Context, c *served, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p := s.cfg.Patience
	unwanted := errors.Is(cause, ErrUnwanted)
	if c.since != nil && time.Since(*c.since) > p.GiveUp || unwanted {
		if err := s.cfg.Reaction.GiveUp(ctx, c.ID, cause.Error()); err != nil {
			return err
		}
		s.cfg.Logger.ErrorContext(ctx, "consumer given up", "reaction", s.cfg.Reaction.Name(), "consumer", c.ID, "err", cause)
		// Enabled again, it starts with all the patience there is.
		if err := s.commit(ctx, c, c.position); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}
	wait := min(p.Slow<<min(c.failures, 20), p.Slowest)
	wait = wait/2 + rand.N(wait)
	err := s.cfg.Pool.QueryRow(ctx, `
		update sical.reaction
		set failures = failures + 1, failing_since = coalesce(failing_since, clock_timestamp()),
			retry_at = clock_timestamp() + $4::interval, updated_at = clock_timestamp()
		where reaction = $1 and consumer = $2 and epoch = $3
		returning failures, failing_since`, s.cfg.Reaction.Name(), c.ID, c.epoch, wait).Scan(&c.failures, &c.since)
	if errors.Is(err, pgx.ErrNoRows) {
		return errLost
	}
	if err != nil {
		return err
	}
	c.failing.Store(true)
	pause(ctx, wait)
	return ctx.Err()
}

// release gives the lease back, so that another need not wait for its end.
func (s *source) release(c *served) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := s.cfg.Pool.Exec(ctx, `
		update sical.reaction set owner = null, lease_until = null, position = greatest(position, $4)
		where reaction = $1 and consumer = $2 and epoch = $3`, s.cfg.Reaction.Name(), c.ID, c.epoch, c.position)
	if err != nil {
		s.cfg.Logger.Debug("lease not given back; it runs out by itself", "consumer", c.ID, "err", err)
	}
}
