package reaction

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// apart is a database whose clock is so far ahead of this process's.
func apart(t *testing.T, ahead time.Duration) *pgxpool.Pool {
	t.Helper()
	db := testkit.Database(t, migrated)
	admin, err := postgres.Open(t.Context(), db.AdminURL, postgres.Options{})
	require.NoError(t, err)
	defer admin.Close()
	_, err = admin.Exec(t.Context(), fmt.Sprintf(`create schema apart; grant usage on schema apart to %s;
		create function apart.clock_timestamp() returns timestamptz language sql as
			'select pg_catalog.clock_timestamp() + interval ''%d seconds'''`, postgres.RoleReaction, int(ahead.Seconds())))
	require.NoError(t, err)
	pool, err := postgres.Open(t.Context(), db.URL(postgres.RoleReaction), postgres.Options{
		MaxConns: 4, Params: map[string]string{"search_path": "apart, pg_catalog"},
	})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// patient is a reaction that counts who was to be given up.
type patient struct {
	edited
	given int
}

func (p *patient) GiveUp(context.Context, events.ID, events.Event, string) error {
	p.given++
	return errors.New("away")
}

// A consumer is waited for and given up by the database's clock, however far this process's own
// is from that: after a suspended machine goes on it may be days.
func TestPatienceIsOfTheDatabasesTime(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-100 * time.Hour, 100 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			pool := apart(t, ahead)
			id := uuid.New()
			p := &patient{edited: edited{list: []Consumer{{ID: id, Version: 1, Wants: func(string) bool { return true }}}}}
			ctx, cancel := context.WithCancel(t.Context())
			r := New(Config{
				Pool: pool, Log: p, Reaction: p, Meter: p, Logger: slog.New(slog.DiscardHandler),
				Patience: Patience{Slow: time.Millisecond, Slowest: time.Millisecond, GiveUp: 72 * time.Hour},
			})
			s := unhurried(ctx, r, events.ID{1}, 0)
			defer s.followers.Wait()
			defer cancel()
			require.NoError(t, s.enter(ctx, p.list[0]))
			failing := func(hours int) {
				t.Helper()
				_, err := pool.Exec(ctx, `update sical.reaction set failures = 1, retry_at = clock_timestamp() + interval '1 hour',
					failing_since = clock_timestamp() - $1::interval`, time.Duration(hours)*time.Hour)
				require.NoError(t, err)
			}
			near := func(want, got time.Duration) {
				t.Helper()
				require.InDelta(t, want.Hours(), got.Hours(), 0.2)
			}
			failing(1)
			require.NoError(t, s.sync(ctx))
			taken := s.served[id] // which waits for its hour
			near(time.Hour, time.Since(*taken.since))
			near(time.Hour, time.Until(*taken.retryAt))

			c := &served{Consumer: taken.Consumer, epoch: taken.epoch, failures: taken.failures, since: taken.since}
			fail := func() {
				t.Helper()
				require.NoError(t, s.failed(ctx, c, events.Event{}, errors.New("it answered 503")))
			}
			fail()
			near(time.Hour, time.Since(*c.since))
			failing(73)
			fail()
			near(73*time.Hour, time.Since(*c.since))
			require.Zero(t, p.given)
			fail()
			require.Equal(t, 1, p.given)
		})
	}
}
