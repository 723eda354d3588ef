package rebuild

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/projector"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// approved is a rebuild of the view that was held and is approved now, beside a
// build that is read and is so many events ahead of it.
func (w *world) approved(v *projections.View, ahead int) (old projections.Build, r *rebuilding) {
	w.Helper()
	w.some(100)
	old = w.filled(v, 1, 1<<20)
	w.exec(`update sical.view_version set serving = 1`)
	r = w.rebuilding(v, 1<<20)
	require.NoError(w, r.prepare(w.Context()))
	require.NoError(w, r.fill(w.Context()))
	require.NoError(w, r.end(w.Context(), w.pool, Held, nil, errors.New("approval is required")))
	if ahead > 0 {
		w.some(ahead)
		w.reaches(old)
	}
	require.NoError(w, Approve(w.Context(), w.pool, v))
	return old, r
}

// reaches has the build's checkpoint at the log's head, as its projector would.
func (w *world) reaches(b projections.Build) {
	w.Helper()
	w.exec(`update sical.projection set position = $1 where build = $2`, w.at, b.Number)
}

// TestApprovedBuildThatFailed: between the comparison and the approval the new build
// stopped. It is given up, and what is read goes on.
func TestApprovedBuildThatFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	old, r := w.approved(v, 50)
	w.exec(`update sical.projection set state = 'failed', failed_at = 120, error = 'no more room' where build = $1`, r.build.Number)
	_, err := r.w.turn(t.Context())
	require.NoError(t, err)
	j, err := Look(t.Context(), w.pool, v, KindRebuild)
	require.NoError(t, err)
	assert.Equal(t, Failed, j.State)
	assert.Contains(t, *j.Error, "event 120: no more room")
	assert.Equal(t, old.Number, w.serving(v))
	assert.False(t, w.stands(r.build))
}

// TestApprovedBuildThatIsFarBehind: whoever changes over waits for its projector.
func TestApprovedBuildThatIsFarBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	old, r := w.approved(v, near+500)
	w.exec(`update sical.projection_job set percent = 0`)
	done := make(chan error, 1)
	go func() {
		_, err := r.w.turn(context.WithoutCancel(t.Context()))
		done <- err
	}()
	testkit.Eventually(t, func() error {
		j, err := Look(context.Background(), w.pool, v, KindRebuild)
		if err == nil && j.Percent < 95 {
			err = fmt.Errorf("nobody has seen how far the build is: %+v", j)
		}
		return err
	})
	assert.Equal(t, old.Number, w.serving(v))
	w.reaches(r.build)
	require.NoError(t, testkit.Receive(t, done))
	assert.Equal(t, r.build.Number, w.serving(v))
}

// TestChangingOver: by how much a build that is changed over to may be behind, and
// that a failed one never is.
func TestChangingOver(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name               string
		ahead              int
		most               int64
		toState, fromState string
		want               error
	}{
		{name: "as far"},
		{name: "behind", ahead: 1, want: ErrBehind},
		{name: "a little behind, at last", ahead: near, most: near},
		{name: "too far behind, at last", ahead: near + 1, most: near, want: ErrBehind},
		{name: "failed", toState: "failed", want: errStopped},
		{name: "failed and far behind, at last", ahead: near + 1, most: near, toState: "failed", want: errStopped},
		{name: "behind one that failed", ahead: 1, fromState: "failed"},
		{name: "both failed", ahead: 1, fromState: "failed", toState: "failed", want: errStopped},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			v := projections.Goal.View
			old, r := w.approved(v, c.ahead)
			for b, state := range map[int]string{old.Number: c.fromState, r.build.Number: c.toState} {
				if state != "" {
					w.exec(`update sical.projection set state = $1 where build = $2`, state, b)
				}
			}
			claimed, err := r.w.claim(t.Context())
			require.NoError(t, err)
			r.claim = claimed
			want := r.build.Number
			if c.want != nil {
				want = old.Number
			}
			_, err = r.change(t.Context(), nil, c.most)
			require.ErrorIs(t, err, c.want)
			assert.Equal(t, want, w.serving(v))
		})
	}
}

// waits tells how many ask in vain for locks of a mode.
func (w *world) waits(mode string) (n int) {
	w.Helper()
	require.NoError(w, w.admin.QueryRow(context.Background(), `
		select count(*) from pg_stat_activity a join pg_locks l using (pid)
		where a.datname = current_database() and not l.granted and l.mode = $1`, mode).Scan(&n))
	return n
}

// TestRollbackWhileChangingOver: neither waits for what the other has, and whoever comes
// second compares with the build that is read by then.
func TestRollbackWhileChangingOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	old, r := w.approved(v, 0)
	var ahead projections.Build
	require.NoError(t, pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) (err error) {
		ahead, err = projector.NewBuild(t.Context(), tx, v, 1)
		return err
	}))
	w.some(1)
	w.reaches(ahead)
	w.exec(`update sical.projection set state = 'live' where build = $1`, ahead.Number)
	w.exec(`update sical.view_version set previous = $1`, ahead.Number)
	claimed, err := r.w.claim(t.Context())
	require.NoError(t, err)
	r.claim = claimed

	changed := make(chan error, 1)
	require.NoError(t, pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		require.NoError(t, projector.LockVersion(t.Context(), tx, v))
		go func() {
			_, err := r.change(context.WithoutCancel(t.Context()), nil, 0)
			changed <- err
		}()
		testkit.Eventually(t, func() error {
			if w.waits("ShareLock") == 0 { // for the transaction that has the row
				return errors.New("nobody waits")
			}
			return nil
		})
		behind, _, err := holdBoth(t.Context(), tx, old, ahead)
		require.NoError(t, err)
		require.Negative(t, behind)
		return projector.Flip(t.Context(), tx, old, ahead)
	}))
	require.ErrorIs(t, testkit.Receive(t, changed), ErrBehind)
	assert.Equal(t, ahead.Number, w.serving(v))
}

// TestPauseIsNoWayBack: what a pause has kept where it was is not read in place of what was
// built beside it since.
func TestPauseIsNoWayBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	old, r := w.approved(v, 0)
	require.NoError(t, pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		return projector.Flip(t.Context(), tx, old, r.build)
	}))
	w.exec(`update sical.projection set state = 'paused'`)
	w.exec(`update sical.projection set position = position - 1 where build = $1`, old.Number)
	err := Rollback(t.Context(), w.pool, v, func(projections.Build) {})
	require.ErrorIs(t, err, ErrBehind)
	require.ErrorContains(t, err, "resume")
	require.Equal(t, r.build.Number, w.serving(v))
}
