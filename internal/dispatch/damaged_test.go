package dispatch

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// A stream that cannot be read fails the commands that need it; the others of the batch are
// carried out in their order.
func TestDamagedStreamSpoilsNoOther(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	d, owner := process(t, db.URL(postgres.RoleCommand)), connect(t, db.AdminURL)
	ana, damaged, whole, later := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	create := func(id events.ID) *Request {
		return request("goal.create", &command.CreateGoal{Of: of(id), Title: "学习"}, ana)
	}
	for _, r := range []*Request{register(ana, "ana"), create(damaged), create(whole)} {
		require.NoError(t, d.Do(t.Context(), r).Err)
	}
	_, err := owner.Exec(t.Context(), `update sical.events set data = '{"title": 7}' where stream = $1`, events.StreamOf(events.KindGoal, damaged))
	require.NoError(t, err)

	verdicts := d.All(t.Context(), []*Request{
		create(later), titled(damaged, ana, "a"), titled(whole, ana, "b"), titled(later, ana, "c"), titled(whole, ana, "d"),
	})
	for i, version := range []int{1, 0, 2, 2, 3} {
		if version == 0 {
			require.ErrorAs(t, verdicts[i].Err, new(eventlog.EventError))
			continue
		}
		require.NoError(t, verdicts[i].Err, i)
		require.Equal(t, version, verdicts[i].Version, i)
	}
}
