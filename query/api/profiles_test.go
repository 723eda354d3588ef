package api

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/projections"
	"sical-backend/query"
)

// outOfSight is what of ann nobody else may read, or moderators alone.
var (
	outOfSight = []string{"Pass the exam", "My idioms", "private", "completed", "percent"}
	ofAccount  = []string{"username", "email", "ann@example.org", "role"}
)

// audiences are those to whom ann's profile looks the same.
func (s *school) audiences() map[string][]query.Viewer {
	return map[string][]query.Viewer{
		"anyone": {
			{}, {ID: s.bob, Role: events.Learner}, {ID: s.wei, Role: events.Curator}, {ID: s.wei, Role: events.Learner}, {ID: s.public, Role: events.Learner},
		},
		"moderators": {{ID: s.bob, Role: events.Moderator}, {ID: s.wei, Role: events.Admin}, {ID: s.bob, Role: events.Admin}},
		"ann":        {{ID: s.ann, Role: events.Learner}},
	}
}

// TestAProfileIsTheSameForAllOthers: one answer is kept for all of them, and one for
// moderators. It depends on none who asks, and nothing private is in it.
func TestAProfileIsTheSameForAllOthers(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	s.record()
	several := []events.ID{s.quiz, s.ann}
	questions := map[string]func(v query.Viewer) query.Question{
		"alone":   func(v query.Viewer) query.Question { return s.answerer.User(v, s.ann) },
		"several": func(v query.Viewer) query.Question { return s.answerer.UsersByID(v, several) },
		"past":    func(v query.Viewer) query.Question { return s.answerer.UserAsOf(v, s.ann, uint64(len(s.log))) },
	}
	for name, ask := range questions {
		bodies, keys := map[string]string{}, map[string]string{}
		for audience, viewers := range s.audiences() {
			for _, v := range viewers {
				q, what := ask(v), fmt.Sprintf("%s to %s as %v", name, audience, v)
				answer, err := s.answerer.Answer(t.Context(), q)
				require.NoError(t, err, what)
				if bodies[audience] == "" {
					bodies[audience], keys[audience] = string(answer.Body), q.Key
				}
				require.Equal(t, bodies[audience], string(answer.Body), what)
				require.Equal(t, keys[audience], q.Key, what)
				if audience == "ann" {
					continue
				}
				require.Contains(t, string(answer.Body), s.public.String(), what)
				require.Equal(t, []string{projections.User.Name, projections.Goal.Name}, q.Views, what)
				require.Subset(t, []string{
					"user/" + s.ann.String(), projections.GoalsOf(s.ann), "user/" + s.quiz.String(), projections.GoalsOf(s.quiz),
				}, append(q.Deps(), answer.Deps...), what)
			}
		}
		require.NotEqual(t, keys["anyone"], keys["moderators"], name)
		require.NotEqual(t, keys["anyone"], keys["ann"], name)
		require.NotEqual(t, keys["moderators"], keys["ann"], name)
		for _, secret := range outOfSight {
			require.NotContains(t, bodies["anyone"], secret, name)
			require.NotContains(t, bodies["moderators"], secret, name)
		}
		for _, secret := range ofAccount {
			require.NotContains(t, bodies["anyone"], secret, name)
		}
		require.Contains(t, bodies["moderators"], "ann@example.org", name)
		require.Contains(t, bodies["ann"], `"percent":`, name)
	}
}

// TestProfilesBesideOnesOwn: who asks for several, their own among them, has an answer to
// themself, with their own as they see it and the others as all do.
func TestProfilesBesideOnesOwn(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	both := "/v1/users?ids=" + s.bob.String() + "," + s.ann.String()
	for _, c := range []struct {
		token    string
		goals    int // of ann's
		progress bool
		accounts []bool // whether bob's is shown, and ann's
	}{
		{s.as(s.ann), 2, true, []bool{false, true}}, // first, so that others would meet what is kept
		{"", 1, false, []bool{false, false}},
		{s.as(s.wei), 1, false, []bool{false, false}},
		{s.as(s.bob), 1, false, []bool{true, false}},
		{token(s.wei, events.Moderator), 1, false, []bool{true, true}},
		{token(s.bob, events.Moderator), 1, false, []bool{true, true}},
		{token(s.ann, events.Admin), 2, true, []bool{true, true}},
	} {
		several := read[query.Page[query.User]](s.world, both, c.token).Items
		require.Len(t, several, 2)
		require.Equal(t, c.accounts, []bool{several[0].Email != "", several[1].Email != ""}, c.token)
		require.Len(t, several[1].Goals, c.goals, c.token)
		for _, g := range several[1].Goals {
			require.Equal(t, c.progress, g.Progress != nil, c.token)
		}
		for _, u := range several {
			alone := read[query.User](s.world, "/v1/users/"+u.ID.String(), c.token)
			require.Equal(t, alone, u, "as it is alone: %s", c.token)
		}
	}
}

// TestOneKeyIsOneAnswer: what is kept under a key is the same whoever asked for it first.
func TestOneKeyIsOneAnswer(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	type kept struct {
		body    string
		version int
		err     error
	}
	under := map[string]kept{}
	shared := 0
	for _, q := range s.everybody() {
		answer, err := s.answerer.Answer(t.Context(), q)
		now := kept{string(answer.Body), answer.Version, err}
		if before, ok := under[q.Key]; ok {
			shared++
			require.Equal(t, before, now, "%q", q.Key)
		}
		under[q.Key] = now
	}
	require.NotZero(t, shared)
}

// TestASharedProfileFollowsItsUser: what others are shown is what the user lets them see
// now, whoever had it kept.
func TestASharedProfileFollowsItsUser(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	profile := "/v1/users/" + s.ann.String()
	goal := events.StreamOf(events.KindGoal, s.public)
	name := events.Personal("Ann the second")
	for _, change := range []struct {
		of        events.Stream
		data      events.Data
		shown     string
		shownGoal bool
	}{
		{events.StreamOf(events.KindUser, s.ann), &events.UserRevised{DisplayName: &name}, "Ann the second", true},
		{goal, &events.GoalRevised{Visibility: &events.Change[events.Visibility]{To: events.Private}}, `"goals":[]`, false},
		{goal, &events.GoalRevised{Visibility: &events.Change[events.Visibility]{To: events.Public}}, s.public.String(), true},
		{goal, &events.GoalPaused{From: events.GoalStatusActive}, `"goals":[]`, false},
	} {
		for _, token := range []string{"", s.as(s.bob), token(s.bob, events.Moderator)} {
			require.Equal(t, ok, s.get(profile, token).status)
		}
		s.happen(s.ann, change.of, change.data)
		s.project()
		for _, token := range []string{s.as(s.bob), "", token(s.wei, events.Admin)} {
			got := s.caughtUp(profile, token)
			require.Contains(t, got.body, change.shown)
			if !change.shownGoal {
				require.NotContains(t, got.body, s.public.String())
			}
		}
	}
}
