package rebuild

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// TestPositionsDeleted: somebody deletes the positions of the read models, with their
// tables or without, and nothing else; they are built anew, even where the last
// rebuild had failed.
func TestPositionsDeleted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, state string
		tables      bool // are deleted, too
	}{{"with tables", "done", true}, {"without tables", "done", false}, {"after a failure", "failed", true}, {"after a cancel", "cancelled", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			v := projections.Goal.View
			w.some(500)
			first, stop := w.built(v)
			stop()
			w.exec(`delete from sical.projection`)
			w.exec(`update sical.projection_job set state = $1`, c.state)
			if c.tables {
				_, err := w.admin.Exec(t.Context(), fmt.Sprintf(`drop table %s, %s`, first.Table(), first.TotalTable()))
				require.NoError(t, err)
			}
			w.running(v)
			testkit.Eventually(t, func() error {
				b, err := Serving(context.Background(), w.pool, v)
				if err == nil && b == first {
					err = errors.New("the lost build is read")
				}
				return err
			})
			w.ends(v, Done)
			assert.True(t, w.verify(v, v.Build(w.serving(v))).Equal())
			require.ErrorIs(t, Rollback(t.Context(), w.pool, v, func(projections.Build) {}), ErrNoPrevious)
			testkit.Eventually(t, func() error {
				if w.stands(first) {
					return errors.New("the tables of the lost build stand")
				}
				return nil
			})
		})
	}
}

// TestSkippedEventsAreFoldedLater: the binary that built a view, and folded it on, could
// not read some events; one that can builds it from zero. Two catalogues are the same
// one here, over a log whose events are first of a schema that it does not know, then of
// the one that it does.
func TestSkippedEventsAreFoldedLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	w.some(500)
	newer := func() {
		g := &goal{id: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, w.r.Uint64())), owner: w.goals[0].owner}
		raw := `{"title":"later","category":"later","visibility":"public"}`
		w.append(events.Event{Stream: events.StreamOf(events.KindGoal, g.id), Version: 1, Type: "goal.created", Schema: 99, Owner: g.owner, Raw: []byte(raw)})
	}
	skipped := func(b projections.Build) (forms []string) {
		err := w.pool.QueryRow(context.Background(), `select skipped_unknown from sical.projection where view = $1 and version = $2 and build = $3`,
			b.View, b.Version, b.Number).Scan(&forms)
		require.NoError(t, err)
		return forms
	}
	rows := func(b projections.Build) (n int) {
		require.NoError(t, w.pool.QueryRow(context.Background(), fmt.Sprintf(`select count(*) from %s where category = 'later'`, b.Table())).Scan(&n))
		return n
	}

	newer() // in bulk
	first, stop := w.built(v)
	assert.Equal(t, []string{"goal.created/99"}, skipped(first))
	w.exec(`update sical.projection set skipped_unknown = '{}', epoch = epoch + 1, owner = null`) // as if there had been none yet
	newer()                                                                                       // live, in a batch that touches nothing
	testkit.Eventually(t, func() error {
		if forms := skipped(first); len(forms) != 1 {
			return fmt.Errorf("skipped: %v", forms)
		}
		return nil
	})
	stop()
	assert.Zero(t, rows(first))

	w.exec(`update sical.events set schema = 1 where schema = 99`)
	w.exec(`update sical.projection set skipped_unknown = '{goal.created/1,goal.created/100}'`)
	stop = w.running(v)
	testkit.Eventually(t, func() error {
		if w.serving(v) == first.Number {
			return errors.New("the build without them is read")
		}
		return nil
	})
	w.ends(v, Done)
	second := v.Build(w.serving(v))
	assert.Equal(t, 2, rows(second))
	assert.Empty(t, skipped(second))
	assert.True(t, w.verify(v, second).Equal())
	stop()
}
