package rebuild

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/eventlog"
	"sical-backend/internal/projector"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// running has a projector and a worker at work on the views until the test ends,
// or stop is called.
func (w *world) running(views ...*projections.View) (stop func()) {
	w.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := projector.New(projector.Config{
		Pool: w.pool, Log: eventlog.NewReader(w.pool), Views: views, Rebuilds: true,
		Metrics: telemetry.NewProjection(prometheus.NewRegistry()), Logger: quiet,
	})
	done := make(chan error, 2)
	go func() { done <- p.Run(ctx) }()
	go func() { done <- New(Config{Pool: w.pool, Views: views, Logger: quiet}).Run(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(w, testkit.Receive(w, done))
			require.NoError(w, testkit.Receive(w, done))
		}
	}
	w.Cleanup(stop)
	return stop
}

// ends waits until the view's rebuild is in a state.
func (w *world) ends(v *projections.View, state string) *Job {
	w.Helper()
	var j *Job
	testkit.Eventually(w, func() (err error) {
		if j, err = Look(context.Background(), w.pool, v, KindRebuild); err != nil {
			return err
		}
		if j == nil || j.State != state {
			return fmt.Errorf("rebuild is %+v, not %s", j, state)
		}
		return nil
	})
	return j
}

func (w *world) serving(v *projections.View) int {
	b, err := Serving(context.Background(), w.pool, v)
	require.NoError(w, err)
	return b.Number
}

// built runs a worker until it is told to stop, and returns the first build that it makes of
// the view, once that is read.
func (w *world) built(v *projections.View) (first projections.Build, stop func()) {
	w.Helper()
	stop = w.running(v)
	w.ends(v, Done)
	return v.Build(w.serving(v)), stop
}

// TestRebuild rebuilds a view while its log grows, goes back to what was read
// before, and forward again.
func TestRebuild(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	w.some(2000)
	made, _ := w.built(v)
	first := made.Number

	require.ErrorIs(t, Rollback(t.Context(), w.pool, v, func(projections.Build) {}), ErrNoPrevious)
	require.NoError(t, Start(t.Context(), w.pool, v, Request{Shards: 2, RequireApproval: true})) // or it might end too soon
	require.ErrorIs(t, Start(t.Context(), w.pool, v, Request{}), ErrRunning)
	for range 10 {
		w.some(20)
	}
	w.ends(v, Held)
	require.NoError(t, Approve(t.Context(), w.pool, v))
	j := w.ends(v, Done)
	second := w.serving(v)
	require.NotEqual(t, first, second)
	var outcome Outcome
	require.NoError(t, json.Unmarshal(j.Outcome, &outcome))
	assert.True(t, outcome.Equal())
	assert.Greater(t, outcome.Rows, int64(100))

	w.some(50)
	for _, want := range []int{first, second} {
		announced := 0
		testkit.Eventually(t, func() error { // as soon as both have what came last
			return Rollback(t.Context(), w.pool, v, func(b projections.Build) { announced = b.Number })
		})
		assert.Equal(t, want, w.serving(v))
		assert.Equal(t, want, announced)
		assert.True(t, w.verify(v, v.Build(want)).Equal())
	}

	require.NoError(t, Start(t.Context(), w.pool, v, Request{}))
	w.ends(v, Done)
	var builds int
	testkit.Eventually(t, func() error {
		err := w.pool.QueryRow(context.Background(), `select count(distinct build) from sical.projection where view = 'goal'`).Scan(&builds)
		if err == nil && builds != 2 {
			err = fmt.Errorf("%d builds", builds)
		}
		return err
	})
}

// TestDifferenceBlocks: what is read is not what its log says; the rebuild is held
// until somebody decides.
func TestDifferenceBlocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	w.some(500)
	first, _ := w.built(v)
	w.exec(fmt.Sprintf(`update %s set doc = replace(doc::text, '语言', '言语')::json where id = $1`, first.Table()), w.goals[0].id)

	require.ErrorIs(t, Approve(t.Context(), w.pool, v), ErrNotHeld)
	require.NoError(t, Start(t.Context(), w.pool, v, Request{}))
	j := w.ends(v, Held)
	assert.Contains(t, *j.Error, "1 differences")
	var outcome Outcome
	require.NoError(t, json.Unmarshal(j.Outcome, &outcome))
	assert.Equal(t, w.goals[0].id.String(), outcome.First[0].Key)
	assert.Equal(t, first.Number, w.serving(v))
	w.cancels(v, KindRebuild)
	w.ends(v, Cancelled)
	assert.False(t, w.stands(v.Build(*j.Build)))

	require.NoError(t, Start(t.Context(), w.pool, v, Request{}))
	j = w.ends(v, Held)
	require.NoError(t, Approve(t.Context(), w.pool, v))
	w.ends(v, Done)
	assert.Equal(t, *j.Build, w.serving(v))
	_, err := Cancel(t.Context(), w.pool, v)
	require.ErrorIs(t, err, ErrNotRunning)
}

// TestVerificationIsCancelled: it holds up every other job of its worker, and what is read
// stays as it was.
func TestVerificationIsCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	w.some(500)
	read, _ := w.built(v)
	tx, err := w.admin.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	_, err = tx.Exec(t.Context(), "lock table "+read.Table())
	require.NoError(t, err)
	is := func(state string) {
		testkit.Eventually(t, func() error {
			j, err := Look(context.Background(), w.pool, v, KindVerify)
			if err == nil && j.State != state {
				err = fmt.Errorf("the verification is %s, not %s", j.State, state)
			}
			return err
		})
	}
	require.NoError(t, StartVerify(t.Context(), w.pool, v, 0))
	is(Verifying)
	w.cancels(v, KindVerify)
	is(Cancelled)
	require.NoError(t, tx.Rollback(t.Context()))
	assert.Equal(t, read.Number, w.serving(v))
	assert.True(t, w.stands(read))
}

// cancels asks for what runs to be given up, which is of one kind.
func (w *world) cancels(v *projections.View, kind string) {
	w.Helper()
	kinds, err := Cancel(w.Context(), w.pool, v)
	require.NoError(w, err)
	require.Equal(w, []string{kind}, kinds)
}

func (w *world) stands(b projections.Build) (there bool) {
	require.NoError(w, w.admin.QueryRow(context.Background(), `select to_regclass($1) is not null`, b.Table()).Scan(&there))
	return there
}

// TestLeftover: another process dies in the middle; the next one goes on with what
// it left.
func TestLeftover(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Progress.View
	w.some(1000)
	w.filled(v, 1, 1<<20)
	w.exec(`update sical.projection_job set state = 'done'`)
	w.exec(`update sical.view_version set serving = 1`)
	r := w.rebuilding(v, 1)
	require.NoError(t, r.prepare(t.Context()))
	full := t.Context()
	ctx, cancel := context.WithCancel(full)
	r.pace.limit = 1
	go func() {
		defer cancel()
		time.Sleep(20 * time.Millisecond) // anywhere in it will do
	}()
	require.Error(t, r.fill(ctx))
	w.running(v)
	w.ends(v, Done)
	assert.Equal(t, r.build.Number, w.serving(v))
	assert.True(t, w.verify(v, r.build).Equal())
	require.ErrorIs(t, r.set(full, w.pool, `phase = ''`), errLost)
}

// TestFailingEventStopsTheRebuild: it is named, and what is read goes on.
func TestFailingEventStopsTheRebuild(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	w.some(100)
	b := w.filled(v, 1, 1<<20)
	w.exec(`update sical.view_version set serving = 1`)
	w.exec(`update sical.events set data = '{"title":7}' where position = (select min(position) from sical.events where type = 'goal.created')`)
	w.running(v)
	require.NoError(t, Start(t.Context(), w.pool, v, Request{}))
	j := w.ends(v, Failed)
	assert.Contains(t, *j.Error, "(goal.created of goal-")
	assert.Equal(t, b.Number, w.serving(v))
	assert.False(t, w.stands(v.Build(*j.Build)))
}

// TestVerificationsComeLast: a build that somebody waits for goes before what was asked for
// earlier and may take an hour, also where that was begun elsewhere and left.
func TestVerificationsComeLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	views := []*projections.View{projections.Goal.View, projections.Progress.View}
	for _, v := range views {
		require.NoError(t, StartVerify(t.Context(), w.pool, v, 0))
	}
	w.exec(`update sical.projection_job set state = 'verifying', owner = 'gone', lease_until = now() - interval '1 hour' where view = 'goal'`)
	w.exec(`update sical.projection_job set requested_at = now() - interval '1 hour'`)
	require.NoError(t, Start(t.Context(), w.pool, views[1], Request{}))
	worker := New(Config{Pool: w.pool, Views: views, Logger: quiet})
	var kinds []string
	for range 3 {
		c, err := worker.claim(t.Context())
		require.NoError(t, err)
		kinds = append(kinds, c.kind)
		// Nobody renews it here, and a busy machine would have it claimed twice.
		w.exec(`update sical.projection_job set lease_until = now() + interval '1 hour' where owner = $1`, worker.owner)
	}
	require.Equal(t, []string{KindRebuild, KindVerify, KindVerify}, kinds)
}
