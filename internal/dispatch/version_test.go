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

// at asks for a version.
func at(version int, r *Request) *Request {
	r.IfMatch = &version
	return r
}

// Who may not see a goal, or not change it, is told so at whatever version, and its owner of
// the version before anything else that is wrong.
func TestVersionIsForWhoMayDoIt(t *testing.T) {
	t.Parallel()
	d, _ := processes(t)
	ana, ben, goal, open := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	rename := func(id events.ID, title string, by events.ID) *Request {
		return request("goal.revise", &command.ReviseGoal{Of: of(id), Title: &title}, by)
	}
	for _, r := range []*Request{
		register(ana, "ana"), register(ben, "ben"),
		request("goal.create", &command.CreateGoal{Of: of(goal), Title: "图论"}, ana),
		rename(goal, "树", ana),
		request("goal.create", &command.CreateGoal{Of: of(open), Title: "图论", Visibility: events.Public}, ana),
	} {
		require.NoError(t, d.Do(t.Context(), r).Err)
	}
	for version := range 4 {
		require.Equal(t, "not_found", code(d.Do(t.Context(), at(version, rename(goal, "x", ben))).Err), version)
		require.Equal(t, "not_found", code(d.Do(t.Context(), at(version, rename(uuid.New(), "x", ana))).Err), version)
		require.Equal(t, "forbidden", code(d.Do(t.Context(), at(version, rename(open, "x", ben))).Err), version)
	}
	for what, title := range map[string]string{"a change": "x", "no change": "树", "what a rule forbids": strings.Repeat("x", 999)} {
		require.ErrorIs(t, d.Do(t.Context(), at(1, rename(goal, title, ana))).Err, ErrVersion, what)
	}
	verdicts := d.All(t.Context(), []*Request{
		rename(goal, "first", ana), at(3, rename(goal, "second", ana)), at(3, rename(goal, "third", ana)), at(9, rename(goal, "x", ben)),
	})
	require.NoError(t, verdicts[1].Err, "the version that the first has made")
	require.ErrorIs(t, verdicts[2].Err, ErrVersion)
	require.Equal(t, "not_found", code(verdicts[3].Err))
}

// A command that had been done is known by its key, whatever its version is by now.
func TestDoneBeforeAtItsVersion(t *testing.T) {
	t.Parallel()
	d, _ := processes(t)
	ana, goal := uuid.New(), uuid.New()
	require.NoError(t, d.Do(t.Context(), register(ana, "ana")).Err)
	require.NoError(t, d.Do(t.Context(), request("goal.create", &command.CreateGoal{Of: of(goal), Title: "图论"}, ana)).Err)
	for i, ask := range []func() *Request{
		func() *Request { return request("goal.start", &command.StartGoal{Of: of(goal)}, ana) },
		func() *Request { return request("goal.delete", &command.DeleteGoal{Of: of(goal)}, ana) },
	} {
		for _, replayed := range []bool{false, true} {
			r := at(i+1, ask())
			r.Key = uuid.NewSHA1(ana, []byte(r.Rule.Name))
			v := d.Do(t.Context(), r)
			require.NoError(t, v.Err)
			require.Equal(t, replayed, v.Replayed, r.Rule.Name)
		}
	}
}

// What is not there has no version, also where only the log tells that it is not.
func TestStudyOfNothingAtAVersion(t *testing.T) {
	t.Parallel()
	d, _ := processes(t)
	ana := uuid.New()
	require.NoError(t, d.Do(t.Context(), register(ana, "ana")).Err)
	for version := range 2 {
		v := d.Do(t.Context(), at(version, request("study.record", &command.RecordStudy{Of: of(uuid.New())}, ana)))
		require.Equal(t, "not_found", code(v.Err), version)
	}
}

// A comment on what somebody cannot see is not there for them. What it is about is loaded
// only for those who will be refused.
func TestCommentsOnWhatIsNotSeen(t *testing.T) {
	t.Parallel()
	loads := &before{name: "load events", skip: -1}
	d := traced(t, testkit.Database(t, migrated).URL(postgres.RoleCommand), loads)
	w := things{ana: uuid.New(), ben: uuid.New(), goal: uuid.New()}
	cleo, said := uuid.New(), w.post(nil)
	w.comment = said.ID
	edit := func(by events.ID) *Request {
		return request("comment.edit", &command.EditComment{Of: of(w.comment), Text: "坏"}, by)
	}
	verdicts := d.All(t.Context(), []*Request{
		register(w.ana, "ana"), register(w.ben, "ben"), register(cleo, "cleo"),
		request("goal.create", &command.CreateGoal{Of: of(w.goal), Title: "图论", Visibility: events.Public}, w.ana),
		request("comment.post", said, w.ana), edit(cleo), w.shut(), edit(cleo),
	})
	require.NoError(t, verdicts[4].Err)
	require.Equal(t, "forbidden", code(verdicts[5].Err), "as its target was by then")
	require.NoError(t, verdicts[6].Err)
	require.Equal(t, "not_found", code(verdicts[7].Err))

	for _, c := range []struct {
		asked *Request
		want  string
		loads int64
	}{{edit(cleo), "not_found", 2}, {at(7, edit(cleo)), "not_found", 2}, {edit(w.ana), "", 1}, {w.hidden(), "", 1}} {
		loads.seen.Store(0)
		v := d.Do(t.Context(), c.asked)
		require.Equal(t, c.want, code(v.Err))
		require.Equal(t, c.want == "", v.Err == nil, v.Err)
		require.Equal(t, c.loads, loads.seen.Load(), c.asked.Rule.Name)
	}
}
