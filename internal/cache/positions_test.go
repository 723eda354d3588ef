package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

func migrated(url string) error {
	_, err := postgres.Migrate(context.Background(), url)
	return err
}

// ages is more patience than any test needs.
const ages = time.Hour

// running runs Positions on a database with one view at position 10, of a log
// that ends at 50.
func running(t *testing.T, nc Bus) (p *Positions, admin *pgxpool.Pool, incarnation uuid.UUID) {
	admin, pool, incarnation := oneView(t)
	p = newPositions(pool, nc)
	run(t, p)
	return p, admin, incarnation
}

// oneView is that database, as its owner and as a query process see it.
func oneView(t *testing.T) (admin, pool *pgxpool.Pool, incarnation uuid.UUID) {
	db := testkit.Database(t, migrated)
	admin, err := postgres.Open(t.Context(), db.AdminURL, postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(admin.Close)
	require.NoError(t, admin.QueryRow(t.Context(), `
		with served as (insert into sical.view_version (view, version, serving) values ('v', 1, 1))
		insert into sical.projection (view, version, build, shard, position, epoch, incarnation)
		select 'v', 1, 1, 0, 10, 1, incarnation from sical.log returning incarnation`).Scan(&incarnation))
	pool, err = postgres.Open(t.Context(), db.URL(postgres.RoleQuery), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return admin, pool, incarnation
}

func newPositions(pool *pgxpool.Pool, nc Bus) *Positions {
	return NewPositions(Config{
		Views: []*projections.View{{Name: "v", Version: 1, Reads: 1}}, Pool: pool, NATS: nc, Logger: slog.New(slog.DiscardHandler), MaxWaiters: 100,
		Head:     func(context.Context) (uint64, error) { return 50, nil },
		patience: time.Hour, // however slow the machine is
	})
}

// run runs Positions until the test ends, and waits for their first look at the database.
func run(t *testing.T, p *Positions) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := testkit.Receive(t, done); err != nil {
			t.Error(err)
		}
	})
	require.NoError(t, p.Wait(t.Context(), []string{"v"}, 10, ages))
}

func TestWithoutNoticesTheDatabaseIsAsked(t *testing.T) {
	t.Parallel()
	p, admin, _ := running(t, nil)
	_, err := admin.Exec(t.Context(), `update sical.projection set position = 30`)
	require.NoError(t, err)
	require.NoError(t, p.Wait(t.Context(), []string{"v"}, 25, ages))
	require.EqualValues(t, 30, p.Applied("v"))

	_, err = admin.Exec(t.Context(), `update sical.projection set state = 'failed'`)
	require.NoError(t, err)
	var stopped *StoppedError
	require.ErrorAs(t, p.Wait(t.Context(), []string{"v"}, 40, ages), &stopped)
	require.Equal(t, wire.ViewFailed, stopped.State)

	other := uuid.New() // the log was restored to an earlier point
	_, err = admin.Exec(t.Context(), `update sical.projection set position = 5, incarnation = $1, state = 'live'`, other)
	require.NoError(t, err)
	testkit.Eventually(t, func() error {
		if at := p.Applied("v"); at != 5 {
			return fmt.Errorf("at %d", at)
		}
		return nil
	})
}

// A standby cannot know what lies beyond its log, and what does may be there soon.
func TestOnAStandbyWhatIsBeyondTheLogIsWaitedFor(t *testing.T) {
	t.Parallel()
	admin, pool, _ := oneView(t)
	p := newPositions(pool, nil)
	var standby atomic.Bool
	p.cfg.Standby = func(context.Context) (bool, error) { return standby.Load(), nil }
	run(t, p)
	require.ErrorIs(t, p.Wait(t.Context(), []string{"v"}, 60, ages), ErrPositionUnknown)
	standby.Store(true)
	require.ErrorIs(t, p.Wait(t.Context(), []string{"v"}, 60, time.Millisecond), context.DeadlineExceeded)
	done := make(chan error, 1)
	go func() { done <- p.Wait(t.Context(), []string{"v"}, 60, ages) }()
	testkit.Eventually(t, func() error {
		if p.Waiting() == 0 {
			return errors.New("nobody waits")
		}
		return nil
	})
	_, err := admin.Exec(t.Context(), `update sical.projection set position = 60`)
	require.NoError(t, err)
	require.NoError(t, testkit.Receive(t, done))
}

func TestANoticeWakesAllWhoWaitForIt(t *testing.T) {
	t.Parallel()
	nc := testkit.NATS(t).Connect()
	p, _, incarnation := running(t, nc)
	errs := make(chan error, 90)
	for i := range 90 {
		go func() { errs <- p.Wait(t.Context(), []string{"v"}, uint64(11+i%30), ages) }()
	}
	testkit.Eventually(t, func() error {
		if n := p.waiting.Load(); n != 90 {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	tell := func(to uint64) {
		data, err := wire.Notice{View: "v", Version: 1, Build: 1, Incarnation: incarnation, Epoch: 1, From: p.Applied("v"), To: to, Saved: to}.Encode()
		require.NoError(t, err)
		require.NoError(t, nc.Publish(wire.ChangesOf("v"), data))
	}
	tell(25)
	for range 45 { // three at each of 11 to 25
		require.NoError(t, testkit.Receive(t, errs))
	}
	require.EqualValues(t, 45, p.waiting.Load())
	tell(40)
	for range 45 {
		require.NoError(t, testkit.Receive(t, errs))
	}
}

func TestWaitHasBounds(t *testing.T) {
	t.Parallel()
	p, _, _ := running(t, nil)
	require.ErrorIs(t, p.Wait(t.Context(), []string{"v"}, 51, ages), ErrPositionUnknown)

	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	errs := make(chan error, 200)
	for i := range 200 {
		all.Go(func() { errs <- p.Wait(ctx, []string{"v"}, uint64(20+i%20), ages) })
	}
	for range 100 {
		require.ErrorIs(t, testkit.Receive(t, errs), ErrTooManyWaiters)
	}
	cancel()
	all.Wait()
	for range 100 {
		require.ErrorIs(t, testkit.Receive(t, errs), context.Canceled)
	}
	require.Empty(t, p.view("v").waiters)
	require.Zero(t, p.waiting.Load())

	require.Empty(t, p.deadlines.ending)
}

// Who waits to know where the log ends, which one asks for all, waits as others do: for
// as long as they will, and no more of them than may.
func TestWaitForTheHeadHasBounds(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	p := NewPositions(Config{
		Views: []*projections.View{{Name: "v", Version: 1, Reads: 1}}, Logger: slog.New(slog.DiscardHandler), MaxWaiters: 2,
		Head: func(context.Context) (uint64, error) {
			close(asked)
			<-answer
			return 50, nil
		},
	})
	wait := func(position uint64, patience time.Duration) error {
		return p.Wait(t.Context(), []string{"v"}, position, patience)
	}
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- wait(51, ages) }()
	testkit.Receive(t, asked)
	require.ErrorIs(t, wait(20, 0), context.DeadlineExceeded)
	go func() { second <- wait(20, ages) }()
	testkit.Eventually(t, func() error {
		if n := p.Waiting(); n != 2 {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	require.ErrorIs(t, wait(20, ages), ErrTooManyWaiters)
	close(answer)
	require.ErrorIs(t, testkit.Receive(t, first), ErrPositionUnknown)
	p.view("v").mu.Lock()
	p.view("v").applied.Store(20)
	p.view("v").mu.Unlock()
	p.view("v").wake()
	require.NoError(t, testkit.Receive(t, second))
	require.Zero(t, p.Waiting())
}

// However many wait for positions that the log may not have, it is asked once for all who came
// while it was asked before.
func TestTheHeadIsAskedForAll(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}, 2), make(chan struct{})
	p := NewPositions(Config{
		Views: []*projections.View{{Name: "v", Version: 1, Reads: 1}}, Logger: slog.New(slog.DiscardHandler),
		Head: func(context.Context) (uint64, error) {
			asked <- struct{}{}
			<-answer
			return 50, nil
		},
	})
	ended := make(chan error, 101)
	wait := func(position uint64) { ended <- p.Wait(t.Context(), []string{"v"}, position, ages) }
	go wait(51)
	testkit.Receive(t, asked)
	for i := range uint64(100) {
		go wait(60 + i)
	}
	testkit.Eventually(t, func() error {
		p.deadlines.mu.Lock()
		defer p.deadlines.mu.Unlock()
		if n := len(p.deadlines.ending); n != 101 {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	close(answer)
	for range 101 {
		require.ErrorIs(t, testkit.Receive(t, ended), ErrPositionUnknown)
	}
	require.Len(t, asked, 1, "once more, and no more")
	require.Empty(t, p.deadlines.ending)
	require.Zero(t, p.Waiting())
}

// TestPatienceEnds: each who waits does so for as long as they will, in whatever
// order they came, and leaves nothing behind.
func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	p, _, _ := running(t, nil)
	require.ErrorIs(t, p.Wait(t.Context(), []string{"v"}, 20, 0), context.DeadlineExceeded)

	var all sync.WaitGroup
	ended, patient := make(chan struct{}, 90), make(chan error, 10)
	ctx, cancel := context.WithCancel(t.Context())
	for range 10 {
		all.Go(func() { patient <- p.Wait(ctx, []string{"v"}, 20, ages) })
	}
	for i := range 90 {
		all.Go(func() {
			wait := time.Duration(i*37%90) * time.Millisecond
			began := time.Now()
			err := p.Wait(t.Context(), []string{"v"}, uint64(11+i%30), wait)
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took < wait {
				t.Errorf("%v after %v instead of %v", err, took, wait)
			}
			ended <- struct{}{}
		})
	}
	for range 90 {
		testkit.Receive(t, ended)
	}
	require.Empty(t, patient, "the others' patience is their own")
	cancel()
	all.Wait()
	for range 10 {
		require.ErrorIs(t, testkit.Receive(t, patient), context.Canceled)
	}
	require.Empty(t, p.view("v").waiters)
	require.Empty(t, p.deadlines.ending)
	require.Zero(t, p.Waiting())
}
