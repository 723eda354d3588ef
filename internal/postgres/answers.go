package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// pingFor is how long a ping may wait for a connection.
const pingFor = 500 * time.Millisecond

// Answers is a check whether Postgres answers those who use a pool: a ping, or, where none of its
// connections comes free for one in time, that others in line have been given some meanwhile. A
// process that has more to ask than Postgres can answer just now is well, and to take it out of
// service would leave the others with more. It fails as Ping does.
func Answers(pool *pgxpool.Pool) func(context.Context) error {
	return func(ctx context.Context) error {
		soon, cancel := context.WithTimeout(ctx, pingFor)
		defer cancel()
		given := pool.Stat().AcquireCount()
		err := pool.Ping(soon)
		if soon.Err() != nil && ctx.Err() == nil && pool.Stat().AcquireCount() > given {
			return nil
		}
		return err
	}
}
