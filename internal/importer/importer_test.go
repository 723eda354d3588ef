package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/command/api"
	"sical-backend/events"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/internal/vault"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func migrated(adminURL string) error {
	_, err := postgres.Migrate(context.Background(), adminURL)
	return err
}

// world is a log of the test's own.
type world struct {
	*testing.T
	db         *testkit.DB
	log        *eventlog.Log
	dispatcher *dispatch.Dispatcher
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db := testkit.Database(t, migrated)
	pool, err := postgres.Open(t.Context(), db.URL(postgres.RoleCommand), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	v, err := vault.New(pool, bytes.Repeat([]byte{1}, 32))
	require.NoError(t, err)
	log := eventlog.Open(eventlog.Config{
		Pool: pool, Vault: v, Logger: slog.New(slog.DiscardHandler), Meter: telemetry.NewLog(prometheus.NewRegistry()),
	})
	t.Cleanup(log.Close)
	return &world{t, db, log, dispatch.New(log, v)}
}

// id is the same in every run.
func id(kind string, n int) events.ID { return uuid.NewSHA1(uuid.Nil, fmt.Append(nil, kind, n)) }

// item makes a command of a lane of its own point, as a line of a file would.
func (w *world) item(kind, name string, point, turn int, refused func(error)) Item {
	now := time.Now()
	line := api.Line{
		ID: id(kind, point*1000+turn), Type: kind,
		Data: fmt.Appendf(nil, `{"id":%q,"title":%q}`, id("point", point), name),
	}
	r, err := line.Request(command.Given{Role: events.Admin, At: now, Now: now})
	if err != nil {
		w.Error(err)
	}
	return Item{Request: r, Lane: id("point", point), Refused: refused}
}

// life creates points and revises each of them, turn by turn.
func (w *world) life(points, turns int) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for turn := range turns {
			for point := range points {
				kind := "point.revise"
				if turn == 0 {
					kind = "point.create"
				}
				refused := func(err error) { w.Errorf("point %d, turn %d: %v", point, turn, err) }
				if !yield(w.item(kind, fmt.Sprint(turn), point, turn, refused), nil) {
					return
				}
			}
		}
	}
}

// inOrder checks that the log has every turn of every point once, and in order.
func (w *world) inOrder(points, turns int) {
	w.Helper()
	list, err := w.log.Read(w.Context(), 0, points*turns+1)
	require.NoError(w, err)
	require.Len(w, list, points*turns)
	next := map[events.Stream]int{}
	for _, e := range list {
		require.NoError(w, e.Decode())
		title := ""
		switch d := e.Data.(type) {
		case *events.PointCreated:
			title = d.Title
		case *events.PointRevised:
			title = *d.Title
		}
		require.Equal(w, fmt.Sprint(next[e.Stream]), title, e.Stream)
		next[e.Stream]++
	}
}

func TestALaneKeepsItsOrderAndASecondRunKnowsAll(t *testing.T) {
	t.Parallel()
	const points, turns = 300, 5 // several groups a lane
	w := newWorld(t)
	var first, second Counts
	require.NoError(t, Run(t.Context(), w.dispatcher, w.life(points, turns), &first))
	require.EqualValues(t, points*turns, first.Done.Load())
	w.inOrder(points, turns)

	require.NoError(t, Run(t.Context(), w.dispatcher, w.life(points, turns), &second))
	require.EqualValues(t, points*turns, second.Known.Load())
	require.EqualValues(t, points*turns, second.All())
	w.inOrder(points, turns)
}

func TestARefusalIsToldAndFailsNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mu sync.Mutex
	told := map[int]error{}
	items := func(yield func(Item, error) bool) {
		for n := range 40 {
			kind := "point.create"
			if n%4 == 3 {
				kind = "point.revise" // of none
			}
			refused := func(err error) {
				mu.Lock()
				defer mu.Unlock()
				told[n] = errors.Join(told[n], err)
			}
			if !yield(w.item(kind, "x", n, 0, refused), nil) {
				return
			}
		}
	}
	var counts Counts
	require.NoError(t, Run(t.Context(), w.dispatcher, items, &counts))
	require.EqualValues(t, 30, counts.Done.Load())
	require.EqualValues(t, 10, counts.Refused.Load())
	require.Len(t, told, 10)
	for n, err := range told {
		require.Equal(t, 3, n%4)
		var refusal *command.Refusal
		require.ErrorAs(t, err, &refusal)
	}
}

func TestWhatEndsEarlyIsGoneOnWith(t *testing.T) {
	t.Parallel()
	const points, turns = 300, 5
	for name, c := range map[string]struct {
		end  error
		stop func(context.CancelFunc) error
	}{
		"cancelled":         {context.Canceled, func(cancel context.CancelFunc) error { cancel(); return nil }},
		"of a broken input": {errBroken, func(context.CancelFunc) error { return errBroken }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			items := func(yield func(Item, error) bool) {
				n := 0
				for item := range w.life(points, turns) {
					var err error
					if n++; n == points*turns-10 {
						err = c.stop(cancel)
					}
					if !yield(item, err) {
						return
					}
				}
			}
			var first, second Counts
			require.ErrorIs(t, Run(ctx, w.dispatcher, items, &first), c.end)
			require.Less(t, first.All(), int64(points*turns))

			require.NoError(t, Run(t.Context(), w.dispatcher, w.life(points, turns), &second))
			require.EqualValues(t, points*turns, second.Done.Load()+second.Known.Load())
			require.GreaterOrEqual(t, second.Known.Load(), first.Done.Load(), "what was told to be done is")
			w.inOrder(points, turns)
		})
	}
}

var errBroken = errors.New("the input is broken")

// A log that takes nothing holds the reading up: what waits is bounded.
func TestASlowLogHoldsTheReadingUp(t *testing.T) {
	t.Parallel()
	testkit.Undisturbed(t, func() bool { return holdUp(newWorld(t)) })
}

// holdUp is disturbed where it took as long as a log that takes nothing is waited for.
func holdUp(w *world) (kept bool) {
	const most = lanes * 3 * group
	var made []Item // beforehand: that takes its time
	for n := range most + 1 {
		made = append(made, w.item("point.create", "x", n, 0, func(error) {}))
	}
	unlock := w.db.Locked(w, "sical.log")

	var read atomic.Int64
	items := func(yield func(Item, error) bool) {
		for _, item := range made {
			read.Add(1)
			if !yield(item, nil) {
				return
			}
		}
	}
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	begun := time.Now()
	late := func() bool { return time.Since(begun) >= 8*time.Second } // two calls of the log's
	ended := make(chan error, 1)
	var counts Counts
	go func() { ended <- Run(ctx, w.dispatcher, items, &counts) }()
	before, still := int64(-1), 0
	testkit.Eventually(w, func() error { // until the reading stands
		now := read.Load()
		if still++; now != before {
			before, still = now, 0
		}
		if (now < group || still < 10) && !late() {
			return fmt.Errorf("%d were read", now)
		}
		return nil
	})
	reading, done := read.Load(), counts.All()
	cancel()
	unlock()
	err := testkit.Receive(w, ended)
	if late() {
		return false
	}
	require.LessOrEqual(w, reading, int64(most), "a lane has one group at work, one waiting and one being gathered")
	require.Zero(w, done)
	require.ErrorIs(w, err, context.Canceled)
	return true
}
