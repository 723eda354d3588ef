package reaction

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/pause"
)

// asLeft is true of a row and a log that are as this process has gone by: the row stands where
// it left it, and the log is of the same history and has the very event that it is moved to.
// At a failover to a server that lacks the last commits the lease stays this process's,
// but row and log go back. What it holds in memory then is of a history that nobody has
// any more, and a position from there would leave out events of the one that goes on.
const asLeft = `(r.position = $5 and exists (select from sical.log l where l.incarnation = $6)
		and ($4::bigint = $5 or exists (select from sical.events e where e.position = $4 and e.event_id = $7)))`

// args are the arguments of a statement with asLeft, for the event up to which all is done with.
func (s *source) args(c *served, position uint64, last events.ID) []any {
	return []any{s.cfg.Reaction.Name(), c.ID, c.epoch, position, c.saved, s.tail.Incarnation(), last}
}

// commit stores that every event up to the position, which is that of last, is done with. It
// fails with errLost where another process serves the consumer by now, and with
// errOtherLog where the log, or the row, is not what this process has gone by.
func (s *source) commit(ctx context.Context, c *served, position uint64, last events.ID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.lease)
	defer cancel()
	begun := time.Now()
	done, err := s.cfg.Pool.Exec(ctx, `-- advance reaction
		update sical.reaction r
		set position = $4, failures = 0, failing_since = null, retry_at = null, updated_at = clock_timestamp(),
			lease_until = clock_timestamp() + $8::interval
		where reaction = $1 and consumer = $2 and epoch = $3 and `+asLeft, append(s.args(c, position, last), s.lease)...)
	if err != nil {
		return err
	}
	if done.RowsAffected() == 0 {
		return s.refused(ctx, c)
	}
	c.position, c.saved, c.last, c.failures, c.since = position, position, last, 0, nil
	c.failing.Store(false)
	c.renew(begun, s.lease)
	return nil
}

// refused tells why nothing was committed.
func (s *source) refused(ctx context.Context, c *served) error {
	var own bool
	err := s.cfg.Pool.QueryRow(ctx, `-- look reaction
		select exists (select from sical.reaction where reaction = $1 and consumer = $2 and epoch = $3 and owner = $4)`,
		s.cfg.Reaction.Name(), c.ID, c.epoch, s.owner).Scan(&own)
	switch {
	case err != nil:
		return err
	case own:
		return errOtherLog
	}
	return errLost
}

// failed notes a round of failures at an event and waits for the next round, or gives the
// consumer up and waits until it is dropped. Where giving up fails, because the log cannot
// be appended to just now, the usual wait follows: the receiver is not called more often.
func (s *source) failed(ctx context.Context, c *served, at events.Event, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p := s.cfg.Patience
	if c.since != nil && time.Since(*c.since) > p.GiveUp || errors.Is(cause, ErrUnwanted) {
		ending, cancel := context.WithTimeout(ctx, patience) // as in note
		err := s.cfg.Reaction.GiveUp(ending, c.ID, at, cause.Error())
		cancel()
		if err == nil {
			return s.givenUp(ctx, c, cause)
		}
		s.cfg.Logger.WarnContext(ctx, "consumer not given up", "reaction", s.cfg.Reaction.Name(), "consumer", c.ID, "error", err)
	}
	wait := spread(p.Slow, c.failures, p.Slowest)
	if err := s.note(ctx, c, wait); err != nil {
		return err
	}
	c.failing.Store(true)
	pause.For(ctx, wait)
	return ctx.Err()
}

// spread is the pause after so many in a row of which each is twice the one before, up to a
// longest; by chance up to half shorter or longer.
func spread(first time.Duration, before int, longest time.Duration) time.Duration {
	wait := min(first<<min(before, 20), longest)
	return wait/2 + rand.N(wait)
}

// note stores a round of failures, and when the next is due. It has an end of its own: the lease
// is renewed meanwhile, so that nobody else would serve while this waits for a server that is gone.
func (s *source) note(ctx context.Context, c *served, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var since *time.Duration
	err := s.cfg.Pool.QueryRow(ctx, `-- fail reaction
		update sical.reaction
		set failures = failures + 1, failing_since = coalesce(failing_since, clock_timestamp()),
			retry_at = clock_timestamp() + $4::interval, updated_at = clock_timestamp()
		where reaction = $1 and consumer = $2 and epoch = $3
		returning failures, failing_since - clock_timestamp()`, s.cfg.Reaction.Name(), c.ID, c.epoch, wait).Scan(&c.failures, &since)
	if errors.Is(err, pgx.ErrNoRows) {
		return errLost
	}
	if err == nil {
		c.since = here(since)
	}
	return err
}

// here is an instant on this process's own clock that the database, whose clock may be hours
// ahead or behind, knows by how far it is from now; nil for none. It follows no later change
// of the time of day.
func here(fromNow *time.Duration) *time.Time {
	if fromNow == nil {
		return nil
	}
	at := time.Now().Add(*fromNow)
	return &at
}

// givenUp notes that the consumer no longer fails, and waits until it is dropped.
func (s *source) givenUp(ctx context.Context, c *served, cause error) error {
	s.cfg.Logger.ErrorContext(ctx, "consumer given up", "reaction", s.cfg.Reaction.Name(), "consumer", c.ID, "error", cause)
	if err := s.commit(ctx, c, c.position, c.last); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// release gives the lease back, so that another need not wait for its end. What is done with
// and not stored yet is stored, unless it is of another history.
func (s *source) release(c *served) {
	ctx, cancel := context.WithTimeout(context.Background(), s.lease/3)
	defer cancel()
	_, err := s.cfg.Pool.Exec(ctx, `-- release reaction
		update sical.reaction r
		set owner = null, lease_until = null, position = case when `+asLeft+` then $4 else r.position end
		where reaction = $1 and consumer = $2 and epoch = $3`, s.args(c, c.position, c.last)...)
	if err != nil {
		s.cfg.Logger.Debug("lease not given back; it runs out by itself", "consumer", c.ID, "error", err)
	}
}
