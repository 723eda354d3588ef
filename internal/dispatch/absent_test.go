package dispatch

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
)

func TestErasedUserWritesNoMore(t *testing.T) {
	t.Parallel()
	one, two := processes(t)
	ana, goal := uuid.New(), uuid.New()
	require.NoError(t, one.Do(t.Context(), register(ana, "ana")).Err)
	require.NoError(t, two.Do(t.Context(), request("goal.create", &command.CreateGoal{Of: of(goal), Title: "before"}, ana)).Err)
	require.NoError(t, one.Do(t.Context(), request("user.erase", &command.EraseUser{Of: of(ana)}, ana)).Err)
	late := two.Do(t.Context(), request("goal.create", &command.CreateGoal{Of: of(uuid.New()), Title: "late"}, ana))
	require.Equal(t, "not_found", code(late.Err), "also where the other process still holds the key")
}

// Nobody is asked for their key to record study: only the guard on the person tells.
func TestStudyIsOfSomebodyWhoIsThere(t *testing.T) {
	t.Parallel()
	one, two := processes(t)
	ana, graph := uuid.New(), uuid.New()
	for _, r := range []*Request{register(ana, "ana"), point(graph), request("user.erase", &command.EraseUser{Of: of(ana)}, ana)} {
		require.NoError(t, one.Do(t.Context(), r).Err)
	}
	for whose, actor := range map[string]events.ID{"somebody erased": ana, "nobody": uuid.New()} {
		for name, c := range map[string]command.Command{
			"study.record":   &command.RecordStudy{Of: of(graph)},
			"study.complete": &command.CompletePoint{Of: of(graph)},
		} {
			v := two.Do(t.Context(), request(name, c, actor))
			require.Equal(t, "not_found", code(v.Err), "%s of %s", name, whose)
			require.ErrorContains(t, v.Err, "user", "and not the point")
		}
	}
}
