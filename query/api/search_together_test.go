package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/admission"
	"sical-backend/internal/testkit"
	"sical-backend/query"
)

// searches are asked by everybody, for much and little and none, first pages before later ones:
// those who ask one after the other are different people who look through the same list.
func (s *school) searches() (first, later []query.Question) {
	s.t.Helper()
	for _, f := range []query.GoalFilter{{}, {Category: "maths"}, {Status: events.GoalStatusActive}} {
		for _, words := range []string{"goal", "goal even", "graph 图论", "nothing"} {
			search, err := query.ParseSearch(words)
			require.NoError(s.t, err)
			for _, v := range []query.Viewer{{}, {ID: s.ann, Role: events.Learner}, {ID: s.bob, Role: events.Learner}, {ID: uuid.New(), Role: events.Admin}} {
				page := query.Paging{Limit: 4}
				for list := &first; ; list = &later {
					q, err := s.answerer.SearchGoals(v, f, search, page)
					require.NoError(s.t, err)
					*list = append(*list, q)
					answer, err := s.answerer.Answer(s.t.Context(), q)
					require.NoError(s.t, err)
					if page.Cursor = cursorIn(answer.Body); page.Cursor == "" {
						break
					}
				}
			}
		}
	}
	return first, later
}

// cursorIn is the cursor that a page names, empty for none.
func cursorIn(page []byte) string {
	_, after, _ := strings.Cut(string(page), `"next_cursor":"`)
	cursor, _, _ := strings.Cut(after, `"`)
	return cursor
}

// Searches that share a turn are answered as if alone, whoever asks, for whatever, on whatever
// page.
func TestSearchesShareATurn(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	gone := s.register("gone")
	for n := range 40 {
		goal := &events.GoalCreated{Title: events.Personal(fmt.Sprintf("Goal %d", n)), Visibility: events.Public, Paths: []events.ID{s.course}}
		if n%2 == 0 {
			goal.Title += " even"
		}
		if n%3 == 0 {
			goal.Description, goal.Category = "graph 图论", "maths"
		}
		owner := []events.ID{s.ann, s.bob, gone}[n%5%3]
		if n%7 < 3 && owner != gone {
			goal.Visibility = events.Private
		}
		id := s.begin(owner, events.KindGoal, goal)
		if n%4 == 0 {
			s.happen(owner, events.StreamOf(events.KindGoal, id), &events.GoalStarted{})
		}
	}
	s.project()
	_, err := s.admin.Exec(t.Context(), `delete from sical.subject_key where subject = $1`, gone)
	require.NoError(t, err)
	s.vault.Clear()
	s.adapted(func(cfg *pgxpool.Config) { cfg.MaxConns = 1 }) // and one turn
	questions, later := s.searches()
	questions = append(questions, later...)
	require.Greater(t, len(questions), 60)
	require.LessOrEqual(t, len(questions), s.room(), "or some are refused")
	alone := make([]query.Answer, len(questions))
	found := false
	for i, q := range questions {
		alone[i], err = s.answerer.Answer(t.Context(), q)
		require.NoError(t, err)
		found = found || strings.Contains(string(alone[i].Body), `"completed":1,"total":2`) // ann has learnt one of two points
		require.NotContains(t, string(alone[i].Body), gone.String())
	}
	require.True(t, found)
	limited, _, _ := s.answerer.Loads()
	for i, answer := range s.atOnce(questions, limited) {
		q := questions[i]
		testkit.Eventually(t, func() error { // some forty turns one after the other: a slow machine is too late for the last
			if errors.As(answer.err, new(*admission.OverloadError)) {
				answer.Answer, answer.err = s.answerer.Answer(t.Context(), q)
			}
			return answer.err
		})
		require.Equal(t, string(alone[i].Body), string(answer.Body), "%q", q.Key)
		require.ElementsMatch(t, alone[i].Deps, answer.Deps, "%q", q.Key)
		require.Equal(t, alone[i].Checkpoints, answer.Checkpoints, "%q", q.Key)
		require.Len(t, answer.Checkpoints, len(q.Views))
	}
}
