package rebuild

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// states are those of a view's builds, by their numbers.
func (w *world) states(v *projections.View) map[int]string {
	w.Helper()
	rows, err := w.pool.Query(context.Background(), `
		select build, string_agg(distinct state, ' ') from sical.projection where view = $1 and version = $2 group by build`, v.Name, v.Version)
	require.NoError(w, err)
	found := map[int]string{}
	var build int
	var state string
	_, err = pgx.ForEachRow(rows, []any{&build, &state}, func() error {
		found[build] = state
		return nil
	})
	require.NoError(w, err)
	return found
}

// TestPauseOutlastsRebuild: a pause ends where somebody resumes, whether it was said before
// a rebuild or while one was held, and the way back is as open as before.
func TestPauseOutlastsRebuild(t *testing.T) {
	t.Parallel()
	for _, held := range []bool{false, true} {
		t.Run(fmt.Sprintf("held=%t", held), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			v := projections.Goal.View
			require.ErrorIs(t, Pause(t.Context(), w.pool, v), ErrUnready)
			w.some(300)
			w.running(v)
			w.ends(v, Done)
			first := w.serving(v)
			if held {
				require.NoError(t, Start(t.Context(), w.pool, v, Request{Shards: 2, RequireApproval: true}))
				w.ends(v, Held)
			}
			require.NoError(t, Pause(t.Context(), w.pool, v))
			w.some(20)
			if held {
				require.NoError(t, Approve(t.Context(), w.pool, v))
			} else {
				require.NoError(t, Start(t.Context(), w.pool, v, Request{Shards: 2}))
			}
			w.ends(v, Done)
			second := w.serving(v)
			require.NotEqual(t, first, second)
			require.Equal(t, map[int]string{first: "paused", second: "paused"}, w.states(v))

			back := func(to int) {
				require.NoError(t, Rollback(t.Context(), w.pool, v, func(projections.Build) {}))
				require.Equal(t, to, w.serving(v))
			}
			caughtUp := func() {
				testkit.Eventually(t, func() error {
					var behind int
					err := w.pool.QueryRow(context.Background(), `select count(*) from sical.projection where position < $1`, w.at).Scan(&behind)
					if err == nil && behind > 0 {
						err = fmt.Errorf("%d shards are behind", behind)
					}
					return err
				})
			}
			require.NoError(t, Resume(t.Context(), w.pool, v))
			caughtUp()
			require.Equal(t, map[int]string{first: "live", second: "live"}, w.states(v))

			require.NoError(t, Pause(t.Context(), w.pool, v))
			back(first)
			require.Equal(t, map[int]string{first: "paused", second: "paused"}, w.states(v))
			back(second)
			require.NoError(t, Resume(t.Context(), w.pool, v))
			w.some(20)
			caughtUp()
			back(first)
		})
	}
}

// TestNewVersionStaysPaused: the first build of a view's next version is paused where the
// version that was read is.
func TestNewVersionStaysPaused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := projections.Goal.View
	w.some(300)
	stop := w.running(old)
	w.ends(old, Done)
	require.NoError(t, Pause(t.Context(), w.pool, old))
	stop()

	next := *old
	next.Version++
	w.running(&next)
	w.ends(&next, Done)
	assert.Equal(t, map[int]string{1: "paused"}, w.states(&next))
	require.NoError(t, Resume(t.Context(), w.pool, &next))
	assert.Equal(t, map[int]string{1: "live"}, w.states(&next))
}

// TestNextVersionWaitsForNobody: with the last projector that folded the version before gone,
// the two are ever further apart, which is no reason to ask anybody; and what was asked of
// that one, nobody is left to do.
func TestNextVersionWaitsForNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := projections.Goal.View
	w.some(300)
	stop := w.running(old)
	w.ends(old, Done)
	require.NoError(t, Start(t.Context(), w.pool, old, Request{RequireApproval: true}))
	left := old.Build(*w.ends(old, Held).Build)
	stop()
	w.at += maxApart // as if as much had come, of which nothing concerns the view
	w.some(100)

	next := *old
	next.Version++
	w.running(&next)
	assert.Nil(t, w.ends(&next, Done).Outcome, "it was compared with nothing")
	assert.Equal(t, 1, w.serving(&next))
	testkit.Eventually(t, func() error {
		if w.stands(left) {
			return errors.New("nobody has dropped what was held")
		}
		return nil
	})
	j, err := Look(t.Context(), w.pool, old, KindRebuild)
	require.NoError(t, err)
	assert.Nil(t, j, "it is at what was dropped")
	assert.Equal(t, 1, w.serving(old), "the way back")
	assert.True(t, w.stands(old.Build(1)))
}
