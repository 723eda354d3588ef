package projector

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// putBack leaves the log as it was at a position, and the views as they are.
func (w *world) putBack(to int) {
	w.Helper()
	_, err := w.admin.Exec(context.Background(), `delete from sical.events where position > $1`, to)
	require.NoError(w, err)
	w.log = w.log[:to]
	w.goals = map[events.ID]int{} // some of which the log has lost
}

func (w *world) incarnations() (n int) {
	w.Helper()
	require.NoError(w, w.admin.QueryRow(context.Background(), `select count(*) from sical.incarnation`).Scan(&n))
	return n
}

func (w *world) beginIncarnation() {
	w.Helper()
	_, err := w.admin.Exec(context.Background(), `select sical.begin_incarnation(incarnation, 'test') from sical.log`)
	require.NoError(w, err)
}

// settles waits until the views hold the log as it is now, neither less nor more.
func (w *world) settles() {
	w.Helper()
	testkit.Eventually(w, func() error {
		var off int
		err := w.admin.QueryRow(context.Background(), `
			select count(*) from sical.projection p, sical.log l
			where p.position <> $1 or p.incarnation <> l.incarnation`, len(w.log)).Scan(&off)
		if err == nil && off > 0 {
			err = fmt.Errorf("%d views are not at %d", off, len(w.log))
		}
		return err
	})
}

// Views that hold what the log has lost are built again, and one new incarnation
// begins for it, whoever notices first.
func TestViewsAheadOfTheLogAreBuiltAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		then         func(w *world)
		incarnations int
	}{
		"which nobody has noticed": {func(*world) {}, 2},
		"which the relay has noticed": {func(w *world) {
			w.beginIncarnation()
		}, 2},
		"which the relay has noticed, and it has gone on": {func(w *world) {
			w.beginIncarnation()
			w.some(80)
		}, 2},
		"which knows nothing of their incarnation": {func(w *world) {
			_, err := w.admin.Exec(t.Context(), `update sical.projection set incarnation = $1`, uuid.New())
			require.NoError(t, err)
			w.some(80)
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, stop := w.start(nil, both...)
			w.some(60)
			w.reaches(60, both...)
			stop()
			w.putBack(20)
			c.then(w)

			_, stop = w.start(nil, both...)
			w.some(10)
			w.settles()
			stop()
			for _, v := range both {
				w.exact(v)
			}
			require.Equal(t, c.incarnations, w.incarnations())

			var ahead bool
			require.NoError(t, w.admin.QueryRow(t.Context(), `
				select bool_or(position > (select max(position) from sical.events) or p.incarnation <> l.incarnation)
				from sical.projection p, sical.log l`).Scan(&ahead))
			require.False(t, ahead, "the relay would begin an incarnation at every look")
		})
	}
}

// The owner is there while the log goes back.
func TestViewsAheadOfTheLogUnderTheirOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil, both...)
	w.some(60)
	w.reaches(60, both...)
	w.putBack(20)
	w.beginIncarnation()
	w.some(80)
	w.settles()
	for _, v := range both {
		w.exact(v)
	}
	require.Equal(t, 2, w.incarnations())
}

// Where log and views went back together, the views are good: nothing is built
// again, though the log is another incarnation.
func TestViewsThatWentBackWithTheLogGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, stop := w.start(nil, projections.Goal.View)
	w.some(60)
	w.reaches(60, projections.Goal.View)
	stop()
	w.beginIncarnation()
	oid := func() (oid uint32) {
		require.NoError(t, w.admin.QueryRow(t.Context(), `select $1::regclass::oid`, projections.Goal.Build(1).Table()).Scan(&oid))
		return oid
	}
	before := oid()
	w.start(nil, projections.Goal.View)
	w.some(40)
	w.settles()
	w.exact(projections.Goal.View)
	require.Equal(t, before, oid(), "the tables were made anew")
}
