package dispatch

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// Nobody else changes anything: what comes behind many that are refused has lost no race.
func TestManyRefusedAreNoRace(t *testing.T) {
	t.Parallel()
	d, _ := processes(t)
	ana, taken := uuid.New(), []string{}
	require.NoError(t, d.Do(t.Context(), register(ana, "ana")).Err)
	revise := func(c command.ReviseUser) *Request {
		c.Of = of(ana)
		return request("user.revise", &c, ana)
	}
	var batch []*Request
	for i := range 2 * anew {
		name := "ben" + strings.Repeat("n", i)
		require.NoError(t, d.Do(t.Context(), register(uuid.New(), name)).Err)
		taken = append(taken, name)
		batch = append(batch, revise(command.ReviseUser{Username: &name}))
	}
	display, free, at := "Ana", "anna", 2
	last := revise(command.ReviseUser{Username: &free})
	last.IfMatch = &at // as it is once those before it have been refused or done
	verdicts := d.All(t.Context(), append(batch, revise(command.ReviseUser{DisplayName: &display}), last))
	for i := range taken {
		require.Equal(t, "username_taken", code(verdicts[i].Err), i)
	}
	for i, v := range verdicts[len(taken):] {
		require.NoError(t, v.Err)
		require.Equal(t, 2+i, v.Version)
	}
}

// What is decided behind a command that turns out to have been done is decided anew: it
// stood on a state that never was, whose version another process may have reached since.
func TestBehindAKnownOneIsDecidedAnew(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t, migrated).URL(postgres.RoleCommand)
	other := process(t, url)
	ana, goal := uuid.New(), uuid.New()
	about := func(name string, c command.Command) *Request { return request(name, c, ana) }
	first := func() *Request {
		title := "first"
		r := about("goal.revise", &command.ReviseGoal{Of: of(goal), Title: &title})
		r.Key = uuid.NewSHA1(ana, []byte(title))
		return r
	}
	title, category := "second", "graphs"
	for _, r := range []*Request{
		register(ana, "ana"),
		about("goal.create", &command.CreateGoal{Of: of(goal), Title: "图论"}),
		first(),
		about("goal.revise", &command.ReviseGoal{Of: of(goal), Title: &title}),
	} {
		require.NoError(t, other.Do(t.Context(), r).Err)
	}
	var deleted Verdict
	d := traced(t, url, &before{name: "append events", skip: 1, do: func() {
		deleted = other.Do(t.Context(), about("goal.delete", &command.DeleteGoal{Of: of(goal)}))
	}})
	verdicts := d.All(t.Context(), []*Request{first(), about("goal.revise", &command.ReviseGoal{Of: of(goal), Category: &category})})
	require.NoError(t, deleted.Err)
	require.Equal(t, 4, deleted.Version, "what the first would have made it once more")
	require.NoError(t, verdicts[0].Err)
	require.True(t, verdicts[0].Replayed)
	require.Equal(t, "not_found", code(verdicts[1].Err), "and nothing stands behind the end")
}

// However many of a batch want what others have, they are decided twice: none of them is
// appended to be refused by the log, one in a round, with all that stand behind it.
func TestManyTakenAreNoRounds(t *testing.T) {
	t.Parallel()
	rounds := &before{name: "load events", skip: -1}
	d := traced(t, testkit.Database(t, migrated).URL(postgres.RoleCommand), rounds)
	ana, ben := uuid.New(), uuid.New()
	rename := func(id events.ID, name string) *Request {
		return request("user.revise", &command.ReviseUser{Of: of(id), Username: &name}, uuid.Nil)
	}
	var batch []*Request
	for i := range 20 {
		name := "cleo" + strings.Repeat("o", i)
		require.NoError(t, d.Do(t.Context(), register(uuid.New(), name)).Err)
		batch = append(batch, rename(ana, name), rename(ben, name), rename(ben, "cleo"))
	}
	require.NoError(t, d.Do(t.Context(), register(ana, "ana")).Err)
	require.NoError(t, d.Do(t.Context(), register(ben, "ben")).Err)
	refused := len(batch)
	rounds.seen.Store(0)
	verdicts := d.All(t.Context(), append(batch, rename(ana, "anna"), rename(ben, "ana")))
	for i, v := range verdicts[:refused] {
		require.Equal(t, "username_taken", code(v.Err), i)
	}
	for _, v := range verdicts[refused:] {
		require.NoError(t, v.Err, "the name that one before it let go is free")
		require.Equal(t, 2, v.Version)
	}
	require.EqualValues(t, 2, rounds.seen.Load())
}

// Who wants what a predecessor lets go has it, also where that one has to be decided anew.
func TestWhatIsLetGoIsFree(t *testing.T) {
	t.Parallel()
	d, _ := processes(t)
	ana, ben := uuid.New(), uuid.New()
	for id, name := range map[events.ID]string{ana: "ana", ben: "ben", uuid.New(): "cleo"} {
		require.NoError(t, d.Do(t.Context(), register(id, name)).Err)
	}
	rename := func(id events.ID, name string) *Request {
		return request("user.revise", &command.ReviseUser{Of: of(id), Username: &name}, uuid.Nil)
	}
	verdicts := d.All(t.Context(), []*Request{rename(ana, "cleo"), rename(ana, "anna"), rename(ben, "ana"), rename(ben, "cleo")})
	require.Equal(t, "username_taken", code(verdicts[0].Err))
	require.NoError(t, verdicts[1].Err)
	require.NoError(t, verdicts[2].Err)
	require.Equal(t, "username_taken", code(verdicts[3].Err))
}
