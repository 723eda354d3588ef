package projector

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// standby keeps a copy of the views as they are, and returns what has them and the log go back to
// that, as at a failover to a server that lacks the commits since. Whoever owns them stays their
// owner.
func (w *world) standby(views ...*projections.View) (failover func()) {
	w.Helper()
	to, copies, back := len(w.log), &pgx.Batch{}, &pgx.Batch{}
	for _, v := range views {
		for _, table := range []string{v.Build(1).Table(), v.Build(1).TotalTable()} {
			copies.Queue(`create table ` + table + `_copy as select * from ` + table)
			back.Queue(`delete from ` + table)
			back.Queue(`insert into ` + table + ` select * from ` + table + `_copy`)
		}
	}
	back.Queue(`update sical.projection set position = $1`, to)
	require.NoError(w, w.admin.SendBatch(context.Background(), copies).Close())
	return func() {
		w.Helper()
		require.NoError(w, w.admin.SendBatch(context.Background(), back).Close())
		w.putBack(to)
	}
}

// After a failover that has lost the log's end, what a process has of that in memory is not
// folded, though nobody has noticed yet and the log has come further than it was: a view
// would hold it for good otherwise, and nothing of what took its place.
func TestWhatAFailoverHasLostIsNotFolded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	w.start(nil, v)
	w.some(20)
	w.reaches(20, v)
	failover := w.standby(v)
	w.some(40)
	w.reaches(60, v)
	failover()
	w.some(45)
	w.reaches(65, v)
	w.exact(v)
	w.beginIncarnation()
	w.some(10)
	w.settles()
	w.exact(v)
}

// Nor is what only the bus has: it was lost before any view had saved it.
func TestWhatTheLogHasNotIsNotFolded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	feed := make(unruly)
	w.start(func(c *Config) { c.Feed = feed }, v)
	w.some(20)
	w.reaches(20, v)
	for range 40 {
		w.event(events.StreamOf(events.KindGoal, w.id()), 1, w.id(), &events.GoalCreated{Title: "lost", Visibility: events.Public})
	}
	lost := w.log[20:]
	w.log = slices.Clone(w.log[:20])
	feed <- lost
	w.some(45)
	feed <- lost // until the relay notices
	w.reaches(65, v)
	w.exact(v)
}

// Owners that have everything saved hear of a new history, too, and so do those who read: what
// comes then stands at positions that all of them have been past.
func TestIdleOwnersHearOfANewHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nc := connect(testkit.NATS(t))
	w.start(func(c *Config) { c.Changes = nc }, both...)
	w.some(20)
	w.reaches(20, both...)
	failover := w.standby(both...)
	r := w.reader(nc)
	answers := func() {
		t.Helper()
		head := uint64(len(w.log))
		testkit.Eventually(t, func() error {
			amount, _, _, position, err := r.ask(0)
			if err == nil && (position != head || amount != len(w.log)-20) {
				err = fmt.Errorf("the answer is %d at %d, the log ends at %d", amount, position, head)
			}
			return err
		})
	}
	w.studies(r.learner, 40)
	w.reaches(60, both...)
	answers()

	failover()
	w.beginIncarnation()
	w.studies(r.learner, 5)
	w.settles()
	for _, v := range both {
		w.exact(v)
	}
	answers()
}
