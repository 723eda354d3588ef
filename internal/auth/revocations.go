package auth

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/internal/outage"
)

const (
	pollEvery   = time.Second
	pollTimeout = 3 * time.Second
	// pollOverlap is how far back each poll looks again. A revocation is dated
	// when it is written and seen when its transaction commits, so this must be
	// longer than any transaction that revokes.
	pollOverlap = time.Minute
	// remember is for how long a revocation can matter: the longest life of a
	// token signed just before it, by a clock that is ahead.
	remember = MaxLifetime + 5*time.Minute
	// keep is for how long a revocation stands in the table at least.
	keep = 2 * remember
)

// Revocations knows, in memory, every session and generation that has ended
// while tokens of it may still be alive. It asks the database every second for
// what other processes have ended. An erasure ends sessions too, and is told to
// whoever holds what it is to destroy.
//
// While the database cannot be reached it goes on with what it knows: refusing
// everyone would turn every database fault into a full outage, to guard against
// tokens that end by themselves within minutes. Lag is there to alert on.
type Revocations struct {
	pool   *pgxpool.Pool
	logger *slog.Logger
	clock  func() time.Time

	mu       sync.RWMutex
	sessions map[uuid.UUID]time.Time // ended, and when to forget it
	users    map[uuid.UUID]userEnd
	erasure  []func() // what to do where somebody was erased

	polling sync.Mutex
	from    time.Time    // what the next poll looks back to, by the database's clock
	swept   time.Time    // when the old was forgotten last, by the same
	asOf    atomic.Int64 // of when what is known is, by clock, in Unix nanoseconds

	stop context.CancelFunc
	done chan struct{}
}

// userEnd is the latest end of all of a user's sessions. The latest is enough:
// a session is spared only if it had survived all earlier ones.
type userEnd struct {
	generation int64
	spared     uuid.UUID
	erased     bool
	forget     time.Time
}

// revocation is a row of sical.revocation.
type revocation struct {
	Kind       string
	Subject    uuid.UUID
	Generation int64
	Spared     *uuid.UUID
	CreatedAt  time.Time
	Erased     bool // the user has no key any more
}

// StartRevocations reads what has ended lately and goes on reading until Close.
// It fails if the first read does: without it the revoked would be let in.
func StartRevocations(ctx context.Context, pool *pgxpool.Pool, logger *slog.Logger, clock func() time.Time) (*Revocations, error) {
	r := &Revocations{
		pool: pool, logger: logger, clock: clock,
		sessions: map[uuid.UUID]time.Time{}, users: map[uuid.UUID]userEnd{},
		done: make(chan struct{}),
	}
	if err := r.Poll(ctx); err != nil {
		return nil, err
	}
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	go r.run(ctx)
	return r, nil
}

// OnErased has f called whenever a poll finds that somebody was erased, or cannot
// tell that nobody was: in the goroutine that polls, after the database that is
// polled shows it. What was read there before is to be forgotten then.
func (r *Revocations) OnErased(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.erasure = append(r.erasure, f)
}

// Close ends the reading.
func (r *Revocations) Close() {
	r.stop()
	<-r.done
}

func (r *Revocations) run(ctx context.Context) {
	defer close(r.done)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	reading := outage.Log{Logger: r.logger, Begins: "cannot read revocations, going on with those known", Ends: "reading revocations again"}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		reading.Tried(ctx, r.Poll(ctx))
	}
}

// Lag is how old what is known is: how long ago the revocations were last read, and how
// far what was read was behind then, where that is a replica. More than 5 s means that a
// session ended elsewhere may still be let in here.
func (r *Revocations) Lag() time.Duration {
	return r.clock().Sub(time.Unix(0, r.asOf.Load()))
}

// Poll reads now what other processes have revoked, for one that must not wait
// for the next second, such as after a transaction that ran sical.end_sessions.
func (r *Revocations) Poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	r.polling.Lock()
	defer r.polling.Unlock()
	began := r.clock()
	// The database's clock is the only one here: it dates the revocations too. A replica
	// has those up to the last commit that it has replayed, however long ago that was. Every
	// projector commits each second, to keep its lease: no such commit is no replay.
	var now, seen time.Time
	if err := r.pool.QueryRow(ctx, `-- read clock
		select now, case when pg_is_in_recovery() then coalesce(pg_last_xact_replay_timestamp(), 'epoch') else now end
		from clock_timestamp() now`).Scan(&now, &seen); err != nil {
		return err
	}
	if r.from.IsZero() {
		r.from = seen.Add(-remember)
	}
	rows, err := r.pool.Query(ctx, `-- read revocation
		select kind, subject, generation, spared, created_at,
			kind = 'user' and not exists (select from sical.subject_key k where k.subject = r.subject)
		from sical.revocation r where created_at > $1`, r.from)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[revocation])
	if err != nil {
		return err
	}
	// After so long, some may have been written and pruned unseen.
	if r.add(found...) || seen.Sub(r.from) > keep {
		r.erase()
	}
	if seen.Sub(r.swept) > time.Minute {
		r.forget(seen)
		r.swept = seen
	}
	r.from = seen.Add(-pollOverlap)
	behind := max(0, now.Sub(seen)) // a replica's clock may be behind the one that dates commits
	r.asOf.Store(began.Add(-behind).UnixNano())
	return nil
}

// Revoked tells whether the session of a token has ended.
func (r *Revocations) Revoked(c Claims) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if _, ended := r.sessions[c.Session]; ended {
		return true
	}
	end, ended := r.users[c.User]
	return ended && c.Generation < end.generation && c.Session != end.spared
}

// add takes in what has ended, and tells whether somebody is erased of whom that was
// not known.
func (r *Revocations) add(found ...revocation) (erased bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range found {
		forget := f.CreatedAt.Add(remember)
		if f.Kind == "session" {
			r.sessions[f.Subject] = forget
			continue
		}
		end := r.users[f.Subject]
		if f.Generation > end.generation {
			end.generation, end.spared, end.forget = f.Generation, uuid.Nil, forget
			if f.Spared != nil {
				end.spared = *f.Spared
			}
		}
		erased = erased || f.Erased && !end.erased
		end.erased = end.erased || f.Erased
		r.users[f.Subject] = end
	}
	return erased
}

// erase tells that somebody was erased.
func (r *Revocations) erase() {
	r.mu.RLock()
	told := r.erasure
	r.mu.RUnlock()
	for _, f := range told {
		f()
	}
}

func (r *Revocations) forget(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, forget := range r.sessions {
		if now.After(forget) {
			delete(r.sessions, id)
		}
	}
	for id, end := range r.users {
		if now.After(end.forget) {
			delete(r.users, id)
		}
	}
}
