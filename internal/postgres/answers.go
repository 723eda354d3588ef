package postgres

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// pingFor is how long a ping may take, with waiting for a connection.
	pingFor = 1500 * time.Millisecond
	// lateFor is how long Postgres, or this process, may be late with pings after one was in time.
	lateFor = 10 * time.Second
)

// Answers is a check whether Postgres answers those who use a pool. It fails as Ping does where that
// fails, but not where a ping is merely late: as long as others in line for a connection have been
// given some meanwhile, and for 10 s after one that was in time. A process that has more to ask than
// Postgres can answer just now is well, as is one that is short of processors, so that it is late
// with everything; to take it out of service would leave the others with more.
func Answers(pool *pgxpool.Pool) func(context.Context) error { return answers(pool, lateFor) }

func answers(pool *pgxpool.Pool, lateFor time.Duration) func(context.Context) error {
	var inTime atomic.Pointer[time.Time] // when the last ping was that was; nil for none
	return func(ctx context.Context) error {
		soon, cancel := context.WithTimeout(ctx, pingFor)
		defer cancel()
		given := pool.Stat().AcquireCount()
		err := pool.Ping(soon)
		switch last := inTime.Load(); {
		case err == nil:
			inTime.Store(new(time.Now()))
		case soon.Err() == nil: // it was not late
		case pool.Stat().AcquireCount() > given, last != nil && time.Since(*last) < lateFor:
			return nil
		}
		return err
	}
}
