package reaction

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/tail"
	"sical-backend/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func migrated(url string) error {
	_, err := postgres.Migrate(context.Background(), url)
	return err
}

// edited is a reaction whose consumers the test changes, and a log without events.
type edited struct {
	Reaction
	tail.Log
	list    []Consumer
	failing atomic.Int32
}

func (*edited) Name() string                                    { return "edited" }
func (e *edited) Consumers(context.Context) ([]Consumer, error) { return e.list, nil }

func (*edited) Incarnation(context.Context) (events.ID, error)                   { return events.ID{1}, nil }
func (*edited) Read(context.Context, uint64, int) (list []events.Event, _ error) { return list, nil }

func (*edited) Reacted(string, string, float64) {}
func (e *edited) Serving(_ string, _, n int)    { e.failing.Store(int32(n)) }

// unhurried is a source whose beats may take as long as they do, and whose leases outlast the
// test: nothing renews them between its beats.
func unhurried(ctx context.Context, r *Runtime, incarnation events.ID, head uint64) *source {
	s := newSource(ctx, r, incarnation, head)
	s.lease = time.Hour
	return s
}

// TestNobodyWaitsForWhoStops: consumers that are changed or deleted while their handlers
// are busy hold up no other's lease, and keep their own until they have stopped.
func TestNobodyWaitsForWhoStops(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), testkit.Database(t, migrated).URL(postgres.RoleReaction), postgres.Options{MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	e := &edited{}
	for range 4 {
		e.list = append(e.list, Consumer{ID: uuid.New(), Version: 1, Wants: func(string) bool { return true }})
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := New(Config{Pool: pool, Log: e, Reaction: e, Meter: e, Logger: slog.New(slog.DiscardHandler)})
	s := unhurried(ctx, r, events.ID{1}, 0)
	defer s.followers.Wait()
	defer cancel()
	require.NoError(t, s.sync(ctx))
	require.Len(t, s.served, 4)

	// The handlers of the first three do not end; what is told to stop is closed.
	busy, told := e.list[:3], map[events.ID]chan struct{}{}
	for _, c := range busy {
		own, word := s.served[c.ID], make(chan struct{})
		own.cancel() // the real one, which has nothing to do
		testkit.Receive(t, own.done)
		testkit.Receive(t, s.freed) // or it would be taken up again with the next beat only
		told[c.ID] = word
		s.served[c.ID] = &served{Consumer: c, epoch: own.epoch, cancel: sync.OnceFunc(func() { close(word) }), done: make(chan struct{})}
		_, err := pool.Exec(ctx, `update sical.reaction set owner = $2 where consumer = $1`, c.ID, s.owner)
		require.NoError(t, err)
	}
	e.list = slices.Clone(e.list)
	e.list[0].Version, e.list[1].Held, e.list[2].Ended = 2, true, true
	_, err = pool.Exec(ctx, `update sical.reaction set lease_until = clock_timestamp() - interval '1 hour'`)
	require.NoError(t, err)
	for range 2 { // beats while they are busy
		require.NoError(t, s.sync(ctx))
	}
	for _, c := range busy {
		testkit.Receive(t, told[c.ID])
	}
	var expired int
	require.NoError(t, pool.QueryRow(ctx, `select count(*) from sical.reaction where lease_until is null or lease_until < clock_timestamp() - interval '1 minute'`).Scan(&expired))
	require.Zero(t, expired)

	for _, c := range busy {
		close(s.served[c.ID].done)
	}
	epoch := s.served[e.list[0].ID].epoch
	require.NoError(t, s.sync(ctx))
	require.Equal(t, 2, s.served[e.list[0].ID].Version, "what was changed is taken up again")
	require.Greater(t, s.served[e.list[0].ID].epoch, epoch)
	require.Len(t, s.served, 2)
	var left int
	require.NoError(t, pool.QueryRow(ctx, `select count(*) from sical.reaction where consumer = $1`, e.list[2].ID).Scan(&left))
	require.Zero(t, left, "of the deleted")
}

// troubled is a reaction whose consumers can be told at some beats and not at others.
type troubled struct {
	edited
	beats []error
	beat  func() // before each
	end   func() // after the last
}

func (r *troubled) Consumers(context.Context) ([]Consumer, error) {
	if len(r.beats) == 0 {
		r.end()
		return nil, nil
	}
	err := r.beats[0]
	r.beats = r.beats[1:]
	r.beat()
	return nil, err
}

// TestTroubleIsToldOnce: with its beginning, and not with every beat while it lasts.
func TestTroubleIsToldOnce(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), testkit.Database(t, migrated).URL(postgres.RoleReaction), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	var log bytes.Buffer
	away := errors.New("away")
	e := &troubled{beats: []error{away, away, away, nil, away, away}}
	ctx, cancel := context.WithCancel(t.Context())
	r := New(Config{Pool: pool, Log: e, Reaction: e, Meter: e, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	s := unhurried(ctx, r, events.ID{1}, 0)
	e.beat, e.end = func() { // the next follows at once
		select {
		case s.freed <- struct{}{}:
		default:
		}
	}, cancel
	require.NoError(t, s.keep(ctx))
	require.Equal(t, 2, strings.Count(log.String(), "consumers not looked after"), "%s", &log)
}

// versed is a program that can react to the log's one event, or cannot.
type versed struct {
	edited
	reacts  error
	reacted chan events.ID
	outcome atomic.Value
}

func (v *versed) Reacted(_, outcome string, _ float64) { v.outcome.Store(outcome) }

func (*versed) Head(context.Context) (uint64, error) { return 1, nil }
func (*versed) Read(_ context.Context, after uint64, _ int) ([]events.Event, error) {
	return []events.Event{{Position: 1, ID: events.ID{7}, Type: "later"}}[after:], nil
}

// stand makes the database's log what Incarnation and Read tell.
func (v *versed) stand(t *testing.T, url string) {
	t.Helper()
	admin, err := postgres.Open(t.Context(), url, postgres.Options{})
	require.NoError(t, err)
	defer admin.Close()
	own, _ := v.Incarnation(t.Context())
	_, err = admin.Exec(t.Context(), `update sical.log set incarnation = $1`, own)
	require.NoError(t, err)
	list, _ := v.Read(t.Context(), 0, 1)
	_, err = admin.Exec(t.Context(), `
		insert into sical.events (position, event_id, stream, version, type, schema, data, metadata, owner, final, occurred_at, recorded_at)
		values (1, $1, 'later-1', 1, $2, 1, '{}', '{}', $1, false, now(), now())`, list[0].ID, list[0].Type)
	require.NoError(t, err)
}

func (v *versed) React(_ context.Context, _, _ events.ID, e events.Event) error {
	v.reacted <- e.ID
	return v.reacts
}

// TestWhatOthersWentOnWithIsNotFailing: a consumer that was left to newer programs fails for
// that minute, and then only where it stands at the same event.
func TestWhatOthersWentOnWithIsNotFailing(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), testkit.Database(t, migrated).URL(postgres.RoleReaction), postgres.Options{MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	id := uuid.New()
	v := &versed{edited: edited{list: []Consumer{{ID: id, Version: 1, Wants: func(string) bool { return true }}}}}
	ctx, cancel := context.WithCancel(t.Context())
	s := unhurried(ctx, New(Config{Pool: pool, Log: v, Reaction: v, Meter: v, Logger: slog.New(slog.DiscardHandler)}), events.ID{1}, 1)
	defer s.followers.Wait()
	defer cancel()
	beats := func(served int, failing int32) {
		t.Helper()
		require.NoError(t, s.sync(ctx))
		require.Len(t, s.served, served)
		require.Equal(t, failing, v.failing.Load())
	}
	leave := func() { // as the router would
		msg := testkit.Receive(t, s.out)
		deliveryOf(msg).err = ErrUnknown
		msg.Nack()
		testkit.Receive(t, s.served[id].done)
		beats(0, 1)
	}
	over := func() { s.left[id] = left{position: s.left[id].position} }

	beats(1, 0)
	leave()
	over()
	beats(1, 1)
	leave()
	v.list[0].Held = true
	beats(0, 0)
	v.list[0].Held = false
	beats(1, 0)
	leave()
	_, err = pool.Exec(ctx, `update sical.reaction set position = 1`) // by another
	require.NoError(t, err)
	over()
	beats(1, 0)
	require.Empty(t, s.left)
}

// TestNewerProgramTakesOver: a consumer whose next event this program cannot read goes to
// a process that can, and has not failed.
func TestNewerProgramTakesOver(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	pool, err := postgres.Open(t.Context(), db.URL(postgres.RoleReaction), postgres.Options{MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	(&versed{}).stand(t, db.AdminURL)
	consumers := []Consumer{{ID: uuid.New(), Version: 1, Wants: func(string) bool { return true }}}
	running := func(reacts error) *versed {
		v := &versed{edited: edited{list: consumers}, reacts: reacts, reacted: make(chan events.ID, 100)}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		patience := Patience{Quick: 5, First: time.Millisecond, Slow: time.Hour, Slowest: time.Hour, GiveUp: time.Hour}
		r := New(Config{Pool: pool, Log: v, Reaction: v, Patience: patience, Meter: v, Logger: slog.New(slog.DiscardHandler)})
		go func() { done <- r.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			require.NoError(t, testkit.Receive(t, done))
		})
		return v
	}
	old := running(fmt.Errorf("%w: later/1", ErrUnknown))
	testkit.Receive(t, old.reacted)
	testkit.Eventually(t, func() error {
		if old.failing.Load() != 1 {
			return errors.New("nobody is told that it takes nothing")
		}
		return nil
	})
	testkit.Receive(t, running(nil).reacted)
	testkit.Eventually(t, func() error {
		var position, failures int
		var failing bool
		err := pool.QueryRow(context.Background(), `select position, failures, failing_since is not null from sical.reaction`).Scan(&position, &failures, &failing)
		require.Zero(t, failures)
		require.False(t, failing)
		if err == nil && position != 1 {
			err = fmt.Errorf("the consumer is at %d", position)
		}
		return err
	})
	require.Empty(t, old.reacted, "it has tried once")
	require.Equal(t, "left", old.outcome.Load())
}
