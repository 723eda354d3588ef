package dispatch

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
	"sical-backend/internal/vault"
)

// Whose key another master key wrapped is as if forgotten to commands too: they spoil none
// beside them, can be looked at and erased, and write nothing that nobody could read.
func TestUnopenedPersonSpoilsNothing(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	d, owner := process(t, db.URL(postgres.RoleCommand)), connect(t, db.AdminURL)
	strange, goal, path := uuid.New(), uuid.New(), uuid.New()
	require.NoError(t, d.Do(t.Context(), register(strange, "strange")).Err)
	require.NoError(t, d.Do(t.Context(), request("goal.create", &command.CreateGoal{Of: of(goal), Title: "学习"}, strange)).Err)
	require.NoError(t, d.Do(t.Context(), request("path.create", &command.CreatePath{Of: of(path), Title: "算法"}, strange)).Err)
	other, err := vault.New(nil, []byte("another master secret, which is as long"))
	require.NoError(t, err)
	_, wrapped, err := other.NewKey(strange)
	require.NoError(t, err)
	_, err = owner.Exec(t.Context(), `update sical.subject_key set wrapped = $2 where subject = $1`, strange, wrapped)
	require.NoError(t, err)
	d.vault.Clear()

	role, status, err := d.Standing(t.Context(), strange)
	require.NoError(t, err)
	require.Equal(t, []any{events.Learner, events.UserStatusActive}, []any{role, status})
	publish := request("path.publish", &command.PublishPath{Of: of(path)}, strange)
	publish.Given.Role = events.Curator
	verdicts := d.All(t.Context(), []*Request{
		point(uuid.New()),
		request("goal.create", &command.CreateGoal{Of: of(uuid.New()), Title: "new"}, strange),
		request("goal.start", &command.StartGoal{Of: of(goal)}, strange),
		publish,
		request("user.erase", &command.EraseUser{Of: of(strange)}, uuid.Nil),
		point(uuid.New()),
	})
	for i, want := range []string{"", "not_found", "not_found", "blank", "", ""} {
		if want == "" {
			require.NoError(t, verdicts[i].Err, i)
		}
		require.Equal(t, want, code(verdicts[i].Err), i)
	}
	_, status, err = d.Standing(t.Context(), strange)
	require.NoError(t, err)
	require.Empty(t, status)
}
