package cache

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/internal/wire"
)

// While the database does not tell what is parked, a notice that something is does not
// have it pass for applied, and neither do those that come after it.
func TestWhatIsParkedIsNotTakenForAppliedWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	nc := testkit.NATS(t).Connect()
	p, admin, incarnation := running(t, nc)
	do := func(sql string) {
		_, err := admin.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	tell := func(n wire.Notice) {
		n.View, n.Version, n.Build, n.Incarnation, n.Epoch, n.Saved = "v", 1, 1, incarnation, 1, n.To
		data, err := n.Encode()
		require.NoError(t, err)
		require.NoError(t, nc.Publish(wire.ChangesOf("v"), data))
	}
	do(`revoke select on sical.parked from sical_query`)
	do(`insert into sical.parked (view, version, build, shard, name, position, stream, type, names, error, attempts)
		values ('v', 1, 1, 0, 'goal a', 20, 'goal-a', 'goal.created', '{v/a}', 'e', 1)`)
	do(`update sical.projection set position = 30`)
	tell(wire.Notice{From: 10, To: 20, Parks: true})
	tell(wire.Notice{From: 20, To: 30})
	testkit.Eventually(t, func() error {
		if !p.suspect.Load() {
			return errors.New("the notice has not come")
		}
		return nil
	})
	require.EqualValues(t, 10, p.Applied("v"))
	done := make(chan error, 1)
	go func() { done <- p.Wait(t.Context(), []string{"v"}, 30, ages) }()
	do(`grant select on sical.parked to sical_query`)
	require.NoError(t, testkit.Receive(t, done))
	var parked *ParkedError
	require.ErrorAs(t, p.CheckParked(30, func() []string { return []string{"v/a"} }, ""), &parked)
	require.Equal(t, "goal a", parked.Key)
}
