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

// A process decides on the curriculum as the log has it, also where that went back under
// it, and was gone on with by another until it is as long as it was.
func TestCurriculumWentBack(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	url := db.URL(postgres.RoleCommand)
	here, other, owner := process(t, url), process(t, url), connect(t, db.AdminURL)
	here.folds.long = 1
	a, b, c := uuid.New(), uuid.New(), uuid.New()
	for _, p := range []events.ID{a, b, c} {
		require.NoError(t, other.Do(t.Context(), point(p)).Err)
	}
	needs := func(by *Dispatcher, point, other events.ID) Verdict {
		return by.Do(t.Context(), request("point.set_prerequisites", &command.SetPrerequisites{Of: of(point), Prerequisites: []events.ID{other}}, uuid.Nil))
	}
	back := func(version int) {
		_, err := owner.Exec(t.Context(), `delete from sical.events where stream = $1 and version > $2`, events.Curriculum, version)
		require.NoError(t, err)
	}
	require.NoError(t, needs(here, c, b).Err)
	require.NoError(t, needs(here, a, b).Err)
	back(1)
	require.NoError(t, needs(other, b, a).Err)
	require.Equal(t, "prerequisite_cycle", code(needs(here, a, b).Err), "which is not so any more")
	require.Equal(t, "prerequisite_cycle", code(needs(here, a, c).Err), "what stands from before still does")
	back(0)
	require.NoError(t, needs(here, a, b).Err)
}
