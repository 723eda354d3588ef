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

func titled(goal, owner events.ID, title string) *Request {
	return request("goal.revise", &command.ReviseGoal{Of: of(goal), Title: &title}, owner)
}

// A long stream is loaded whole once: what it began with may be gone, and the process that
// has its fold still decides on it as it is now.
func TestLongStreamIsLoadedOnce(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	url, owner := db.URL(postgres.RoleCommand), connect(t, db.AdminURL)
	here, other, ana, goal := process(t, url), process(t, url), uuid.New(), uuid.New()
	here.folds.long = 3
	require.NoError(t, here.Do(t.Context(), register(ana, "ana")).Err)
	require.NoError(t, here.Do(t.Context(), request("goal.create", &command.CreateGoal{Of: of(goal), Title: "学习"}, ana)).Err)
	stream := events.StreamOf(events.KindGoal, goal)
	kept := func() int { return here.folds.kept[stream].version }
	for i, title := range []string{"a", "b", "c"} { // each loads what stood before it
		require.Zero(t, kept(), i)
		require.NoError(t, here.Do(t.Context(), titled(goal, ana, title)).Err)
	}
	require.Equal(t, 4, here.Do(t.Context(), titled(goal, ana, "c")).Version, "it is so already")
	require.Equal(t, 4, kept())
	_, err := owner.Exec(t.Context(), `delete from sical.events where stream = $1 and version < 4`, stream)
	require.NoError(t, err)
	require.NoError(t, here.Do(t.Context(), titled(goal, ana, "d")).Err)
	require.Error(t, other.Do(t.Context(), titled(goal, ana, "e")).Err, "it has not seen how it began")
	require.Equal(t, 5, here.Do(t.Context(), titled(goal, ana, "d")).Version)
	require.NotContains(t, here.folds.kept, events.StreamOf(events.KindUser, ana), "which is short")
}

// No words of somebody erased are kept, nor those that were loaded just before.
func TestKeptFoldsAreForgotten(t *testing.T) {
	t.Parallel()
	d, ana, goal := process(t, testkit.Database(t, migrated).URL(postgres.RoleCommand)), uuid.New(), uuid.New()
	d.folds.long = 1
	require.NoError(t, d.Do(t.Context(), register(ana, "ana")).Err)
	require.NoError(t, d.Do(t.Context(), request("goal.create", &command.CreateGoal{Of: of(goal), Title: "qzcanary"}, ana)).Err)
	require.NoError(t, d.Do(t.Context(), titled(goal, ana, "qzcanary")).Err)
	stream := events.StreamOf(events.KindGoal, goal)
	before, since := d.folds.of([]events.Stream{stream})
	require.Len(t, before, 1)
	require.NoError(t, d.Do(t.Context(), request("user.erase", &command.EraseUser{Of: of(ana)}, ana)).Err)
	require.Empty(t, d.folds.kept)
	d.folds.put(stream, before[stream], since)
	require.Empty(t, d.folds.kept, "it was begun before")
}

// However many streams are long, so many folds are kept, of the longest.
func TestKeptFoldsAreBounded(t *testing.T) {
	t.Parallel()
	f := folds{long: 2, kept: map[events.Stream]known{}}
	put := func(version int) events.Stream {
		s := events.StreamOf(events.KindGoal, uuid.New())
		f.put(s, known{version: version}, 0)
		return s
	}
	short := put(2)
	require.NotContains(t, f.kept, put(1))
	for i := range mostFolds {
		put(3 + i)
	}
	require.Len(t, f.kept, mostFolds)
	require.NotContains(t, f.kept, short)
	require.NotContains(t, f.kept, put(3), "as short as the shortest")
	last := put(4)
	f.put(last, known{version: 8}, 0)
	require.Len(t, f.kept, mostFolds)
	require.Equal(t, 8, f.kept[last].version)
}
