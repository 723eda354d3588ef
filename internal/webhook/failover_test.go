package webhook

import (
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// failOver leaves the database as a standby has it that lacks the log's last n events, and
// all that was stored since; whoever delivers runs on. Where noticed, a new history begins.
func (w *world) failOver(n uint64, noticed bool) {
	w.t.Helper()
	end := w.head() - n
	require.NoError(w.t, pgx.BeginFunc(w.t.Context(), w.admin, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(`delete from sical.events where position > $1`, end)
		batch.Queue(`update sical.reaction set position = $1 where position > $1`, end)
		batch.Queue(`select sical.begin_incarnation(incarnation, 'test') from sical.log where $1`, noticed)
		return tx.SendBatch(w.t.Context(), batch).Close()
	}))
}

// After a failover that lost the end of the log positions are given anew. The one who delivers
// has kept the lease, and had been further.
func TestNothingIsLeftOutAfterAFailover(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		noticed bool
		since   int // events, after three were lost
	}{
		"that is noticed at once":                 {true, 2},
		"before anybody notices, as more follows": {false, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := newReceiver(t, nil)
			id := w.hook(r.URL, "point.*")
			w.deliver(brief, loopback, nil)
			w.points(5)
			r.subjects(t, 5)
			w.eventually(id, func(position uint64, _ int, _ string) bool { return position == w.head() })
			w.failOver(3, c.noticed)
			ids := w.points(c.since)
			testkit.Eventually(t, func() error {
				got := r.subjects(t, 5)
				if since := got[5:]; len(since) < len(ids) || !slices.Equal(since[len(since)-len(ids):], ids) {
					return fmt.Errorf("%d were delivered since, of %d", len(since), len(ids))
				}
				return nil
			})
			w.eventually(id, func(position uint64, _ int, _ string) bool { return position == w.head() })
		})
	}
}
