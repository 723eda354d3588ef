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
