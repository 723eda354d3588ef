package rebuild

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// TestOldBuildIsDroppedOnceNobodyReadsIt: somebody reads it for longer than a drop waits.
func TestOldBuildIsDroppedOnceNobodyReadsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	w.some(500)
	first, _ := w.built(v)
	require.NoError(t, Start(t.Context(), w.pool, v, Request{}))
	w.ends(v, Done)
	done := w.reading(first)

	require.NoError(t, Start(t.Context(), w.pool, v, Request{}))
	w.ends(v, Done)
	waits := func(is bool) {
		testkit.Eventually(t, func() error {
			if (w.waits("AccessExclusiveLock") > 0) != is {
				return errors.New("the drop waits, or waits no more")
			}
			return nil
		})
	}
	waits(true)
	waits(false) // it has given up
	done()
	testkit.Eventually(t, func() error {
		if w.stands(first) {
			return errors.New("nobody has dropped it")
		}
		return nil
	})
}

// reading has somebody read a build for long, until done.
func (w *world) reading(b projections.Build) (done func()) {
	w.Helper()
	tx, err := w.admin.Begin(w.Context())
	require.NoError(w, err)
	w.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	_, err = tx.Exec(w.Context(), "select count(*) from "+b.Table())
	require.NoError(w, err)
	return func() { require.NoError(w, tx.Rollback(context.WithoutCancel(w.Context()))) }
}

// TestLowerVersionIsDroppedWhole: of two builds one is dropped before somebody has done
// with the other.
func TestLowerVersionIsDroppedWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now, next, low := *projections.Goal.View, *projections.Goal.View, *projections.Goal.View
	next.Version, now.Version = low.Version+1, low.Version+2
	w.some(20)
	builds := []projections.Build{w.filled(&low, 1, 1<<20), w.filled(&low, 1, 1<<20)}
	w.exec(`update sical.view_version set serving = 2, previous = 1`)
	for _, v := range []*projections.View{&next, &now} {
		w.filled(v, 1, 1<<20)
		w.exec(`update sical.view_version set serving = 1 where version = $1`, v.Version)
	}
	worker := New(Config{Pool: w.pool, Views: []*projections.View{&now}, Logger: quiet})
	done := w.reading(builds[1])
	require.Error(t, worker.drop(t.Context(), &now))
	done()
	require.False(t, w.stands(builds[0]))
	require.True(t, w.stands(builds[1]))
	require.NoError(t, worker.drop(t.Context(), &now))
	require.False(t, w.stands(builds[1]))
	require.True(t, w.stands(next.Build(1)) && w.stands(now.Build(1)))
}

// TestTidyingSparesWhoReads: a view whose old build somebody reads is left alone for ever
// longer, and other views are tidied meanwhile.
func TestTidyingSparesWhoReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	views := []*projections.View{projections.Goal.View, projections.Progress.View}
	w.some(20)
	for _, v := range views {
		w.filled(v, 1, 1<<20)
		w.filled(v, 1, 1<<20)
	}
	w.exec(`update sical.view_version set serving = 2`)
	held, other := views[0].Build(1), views[1].Build(1)
	worker := New(Config{Pool: w.pool, Views: views, Logger: quiet})
	done := w.reading(held)
	for _, pause := range []time.Duration{time.Second, 2 * time.Second} {
		begun := time.Now()
		require.Error(t, worker.tidy(t.Context()))
		last := worker.tidied[held.View]
		require.Equal(t, pause, last.pause)
		require.False(t, last.until.Before(begun.Add(pause)))
		worker.tidied[held.View] = tidied{pause: pause} // it is over
	}
	require.True(t, w.stands(held))
	require.False(t, w.stands(other))
	done()
	require.NoError(t, worker.tidy(t.Context()))
	require.False(t, w.stands(held))
	require.Zero(t, worker.tidied[held.View].pause)
}

// TestTidyingLooksAgain: the old version changes over to its held build between the look at
// it and its turn.
func TestTidyingLooksAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now, low := *projections.Goal.View, *projections.Goal.View
	now.Version++
	w.some(20)
	w.filled(&low, 1, 1<<20)
	w.filled(&now, 1, 1<<20)
	w.exec(`update sical.view_version set serving = 1`)
	old := w.rebuilding(&low, 1<<20)
	require.NoError(t, old.prepare(t.Context()))
	require.NoError(t, old.fill(t.Context()))
	w.exec(`update sical.projection_job set state = 'held', owner = null where version = $1`, low.Version)

	tx, err := w.admin.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Exec(t.Context(), `update sical.view_version set previous = 1, serving = 2 where version = $1`, low.Version)
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `update sical.projection_job set state = 'done' where version = $1`, low.Version)
	require.NoError(t, err)
	dropped := make(chan error, 1)
	worker := New(Config{Pool: w.pool, Views: []*projections.View{&now}, Logger: quiet})
	go func() { dropped <- worker.drop(t.Context(), &now) }()
	testkit.Eventually(t, func() error {
		if w.waits("ShareLock") == 0 {
			return errors.New("it does not wait for its turn")
		}
		return nil
	})
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, testkit.Receive(t, dropped))
	require.Equal(t, 2, w.serving(&low))
	require.True(t, w.stands(low.Build(1)) && w.stands(low.Build(2)))
}
