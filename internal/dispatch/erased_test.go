package dispatch

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// Somebody is erased elsewhere after this process has decided to publish a draft of theirs,
// whose words it still has in the clear: they do not get into the log.
func TestErasedDraftIsNotPublished(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	url, owner := db.URL(postgres.RoleCommand), connect(t, db.AdminURL)
	elsewhere, ana, path := process(t, url), uuid.New(), uuid.New()
	require.NoError(t, elsewhere.Do(t.Context(), register(ana, "ana")).Err)
	require.NoError(t, elsewhere.Do(t.Context(), request("path.create", &command.CreatePath{Of: of(path), Title: "qzcanary"}, ana)).Err)

	var erased Verdict
	here := traced(t, url, &before{name: "append events", do: func() {
		erased = elsewhere.Do(t.Context(), request("user.erase", &command.EraseUser{Of: of(ana)}, ana))
	}})
	publish := request("path.publish", &command.PublishPath{Of: of(path)}, ana)
	publish.Given.Role = events.Curator
	verdict := here.Do(t.Context(), publish)
	require.NoError(t, erased.Err)
	require.Equal(t, "not_found", code(verdict.Err))
	var clear int
	require.NoError(t, owner.QueryRow(t.Context(), `select count(*) from sical.events where data::text like '%qzcanary%'`).Scan(&clear))
	require.Zero(t, clear)
}

// What was done in somebody's name is known when it is sent again once they are erased, and
// nothing could be sealed for them any more: who runs an import again is told of no line of theirs.
func TestWhatAnErasedUserDidIsKnown(t *testing.T) {
	t.Parallel()
	one, two := processes(t)
	ana, goal := uuid.New(), uuid.New()
	create := func(id events.ID, asked string) *Request {
		r := request("goal.create", &command.CreateGoal{Of: of(id), Title: "图论"}, ana)
		r.Key, r.Asked = uuid.NewSHA1(ana, id[:]), []byte(asked)
		return r
	}
	require.NoError(t, one.Do(t.Context(), register(ana, "ana")).Err)
	first := one.Do(t.Context(), create(goal, "first"))
	require.NoError(t, first.Err)
	require.NoError(t, one.Do(t.Context(), request("user.erase", &command.EraseUser{Of: of(ana)}, ana)).Err)

	first.Replayed = true
	for name, d := range map[string]*Dispatcher{"who erased her": one, "who never knew her": two} {
		verdicts := d.All(t.Context(), []*Request{create(goal, "first"), create(goal, "another"), create(uuid.New(), "first"), point(uuid.New())})
		require.Equal(t, first, verdicts[0], name)
		require.ErrorIs(t, verdicts[1].Err, ErrKeyReused, name)
		require.Equal(t, "not_found", code(verdicts[2].Err), name)
		require.NoError(t, verdicts[3].Err, name)
		require.False(t, verdicts[3].Replayed, name)
	}
}
