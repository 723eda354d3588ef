package projector

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/cache"
	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// notices collects what is told of a view.
func notices(t testing.TB, nc *nats.Conn, v *projections.View) (next func() wire.Notice) {
	heard := make(chan *nats.Msg, 10_000)
	_, err := nc.ChanSubscribe(wire.ChangesOf(v.Name), heard)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	return func() wire.Notice {
		m := testkit.Receive(t, heard)
		n, err := wire.DecodeNotice(m.Data)
		require.NoError(t, err)
		return n
	}
}

func TestNoticesAreChainedAndNameWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nc := connect(testkit.NATS(t))
	next := notices(t, nc, projections.Goal.View)
	w.start(func(c *Config) { c.Changes = nc }, both...)
	last := next()
	require.Zero(t, last.From)

	changed := map[string]bool{}
	for range 5 {
		w.some(30)
		for last.To < uint64(len(w.log)) {
			n := next()
			require.Equal(t, last.To, n.From)
			require.Equal(t, last.Epoch, n.Epoch)
			require.LessOrEqual(t, n.Saved, n.To)
			require.False(t, n.All)
			for _, name := range slices.Concat(n.Keys, n.Groups) {
				changed[name] = true
			}
			last = n
		}
	}
	for _, e := range w.log {
		require.NoError(t, e.Decode())
		for _, k := range projections.Goal.Touches(e) {
			require.True(t, changed[projections.Goal.RowName(k)], "row %s", k)
			require.True(t, changed[projections.GoalsOf(e.Owner)] || e.Version > 1, "group of %s", e.Owner)
		}
	}
	n := next() // the heartbeat of an idle view
	require.Equal(t, last.To, n.From)
	require.Equal(t, last.To, n.To)
	require.Empty(t, n.Keys)
}

func TestNoticeOfTooMuchSaysAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(6000)
	nc := connect(testkit.NATS(t))
	next := notices(t, nc, projections.Goal.View)
	w.start(func(c *Config) { c.Changes = nc }, projections.Goal.View)
	n := next()
	for n.To == 0 { // before the first batch
		n = next()
	}
	require.True(t, n.All)
}

func TestErasureIsToldToBeForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nc := connect(testkit.NATS(t))
	next := notices(t, nc, projections.User.View)
	w.start(func(c *Config) { c.Changes = nc }, projections.User.View)
	id := w.id()
	w.event(events.StreamOf(events.KindUser, id), 1, id, &events.UserRegistered{Username: "张三", Role: events.Learner})
	w.store(w.log)
	for n := next(); n.To < 1; n = next() {
		require.False(t, n.Forget)
	}
	w.store([]events.Event{w.event(events.StreamOf(events.KindUser, id), 2, id, &events.UserErased{From: events.UserStatusActive, Role: events.Learner})})
	n := next()
	for n.To < 2 {
		n = next()
	}
	require.True(t, n.Forget)
	require.Equal(t, []string{projections.User.RowName(projections.KeyOf(id))}, n.Keys)
}

// Also where the person's row cannot be folded, for it is held back.
func TestErasureOfWhoIsParkedIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nc := connect(testkit.NATS(t))
	next := notices(t, nc, projections.User.View)
	w.start(func(c *Config) { c.Changes = nc }, projections.User.View)
	id := w.id()
	stream := events.StreamOf(events.KindUser, id)
	w.broken(stream, id, &events.UserRegistered{Username: "张三", Role: events.Learner})
	require.Equal(t, string(stream), w.parks(projections.User.View, 1)[0].Key)
	w.store([]events.Event{w.event(stream, 2, id, &events.UserErased{From: events.UserStatusActive, Role: events.Learner})})
	n := next()
	for n.To < 2 {
		require.False(t, n.Forget)
		n = next()
	}
	require.True(t, n.Forget)
}

// A reader that learns positions from the notices waits for what was appended,
// and is told at once of a view that is stopped.
func TestWaitingForAView(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nc := connect(testkit.NATS(t))
	w.start(func(c *Config) { c.Changes = nc }, both...)
	w.some(1)
	w.reaches(1, both...)

	positions := w.positions(nc)
	names := []string{"goal", "progress"}
	for range 20 {
		w.some(3)
		require.NoError(t, positions.Wait(t.Context(), names, uint64(len(w.log)), time.Hour))
		for _, v := range both {
			require.GreaterOrEqual(t, positions.Applied(v.Name), uint64(len(w.log)))
		}
	}
	require.ErrorIs(t, positions.Wait(t.Context(), names, uint64(len(w.log)+1), time.Hour), cache.ErrPositionUnknown)

	_, err := w.admin.Exec(t.Context(), `update sical.projection set state = 'paused' where view = 'goal'`)
	require.NoError(t, err)
	var stopped *cache.StoppedError
	testkit.Eventually(t, func() error { // until the owner has noticed
		w.some(1)
		err := positions.Wait(t.Context(), names, uint64(len(w.log)), time.Hour)
		if err == nil {
			return fmt.Errorf("still live")
		}
		require.ErrorAs(t, err, &stopped)
		return nil
	})
	require.Equal(t, &cache.StoppedError{View: "goal", State: wire.ViewPaused}, stopped)
}

// positions runs Positions of both views until the test ends, after before was called
// with them.
func (w *world) positions(nc cache.Bus, before ...func(*cache.Positions)) *cache.Positions {
	p := cache.NewPositions(cache.Config{
		Views: both,
		Pool:  w.pool("sical_query"), NATS: nc, Head: func(ctx context.Context) (head uint64, err error) {
			return head, w.admin.QueryRow(ctx, `select coalesce(max(position), 0) from sical.events`).Scan(&head)
		},
		Logger: quiet,
	})
	for _, f := range before {
		f(p)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	w.Cleanup(func() {
		cancel()
		if err := testkit.Receive(w, done); err != nil {
			w.Error(err)
		}
	})
	return p
}
