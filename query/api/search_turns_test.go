package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
	"sical-backend/query"
)

// searching is a school of so many connections, and what it asks of Postgres.
func searching(t *testing.T, conns int32) (*school, *statements) {
	s, sent := newSchool(t), &statements{}
	s.adapted(func(cfg *pgxpool.Config) { cfg.MaxConns, cfg.ConnConfig.Tracer = conns, sent })
	return s, sent
}

// inTurns asks questions, of which as many as there are turns are being read while the others
// come, and tells how often public goals were read for them. What is read is given up after some
// seconds, so that only those are waited for by looking who waits for the table, and all are asked
// again where that took as long.
func (s *school) inTurns(sent *statements, questions []query.Question) (answers []said, reads int) {
	s.t.Helper()
	testkit.Undisturbed(s.t, func() (kept bool) {
		answers, reads, kept = s.turns(sent, questions)
		return kept
	})
	return answers, reads
}

func (s *school) turns(sent *statements, questions []query.Question) (answers []said, reads int, kept bool) {
	s.t.Helper()
	sent.take()
	goals := projections.Goal.Build(1).Table()
	unlock := s.db.Locked(s.t, goals)
	turns := int(s.queries.Config().MaxConns)
	begun := time.Now()
	late := func() bool { return time.Since(begun) >= 6*time.Second } // what was read first may be given up
	answers = make([]said, len(questions))
	var asking sync.WaitGroup
	for i, q := range questions {
		if late() {
			break
		}
		ctx, joined := testkit.Watched(s.t.Context())
		asking.Go(func() { answers[i].Answer, answers[i].err = s.answerer.Answer(ctx, q) })
		if i >= turns { // and waits for who reads
			testkit.Receive(s.t, joined)
			continue
		}
		s.eventually(func() error {
			reading, err := s.waitingFor(goals)
			if err == nil && reading != i+1 && !late() {
				err = fmt.Errorf("%d of %d read", reading, i+1)
			}
			return err
		})
	}
	reading, err := s.waitingFor(goals)
	require.NoError(s.t, err)
	if !late() {
		require.Equal(s.t, min(turns, len(questions)), reading, "the others wait for a turn")
	}
	unlock()
	asking.Wait()
	kept = !late()
	for _, statement := range sent.take() {
		reads += strings.Count(statement.sql, "visibility = 'public'")
	}
	return answers, reads, kept
}

// search is one for goals, by different people.
func (s *school) search(f query.GoalFilter, by ...events.ID) (questions []query.Question) {
	s.t.Helper()
	for n, id := range by {
		q, err := s.answerer.SearchGoals(query.Viewer{ID: id, Role: events.Learner}, f, query.Search{"goal"}, query.Paging{Limit: n + 1})
		require.NoError(s.t, err)
		questions = append(questions, q)
	}
	return questions
}

// Public goals are read once for those who wait and look through the same list; who finds a
// connection free, or looks through another list, has a read of their own.
func TestSearchesOfAListAreReadTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		conns          int32
		asked, filters int
		reads          int
	}{
		{"eight share a turn", 1, 10, 1, 3},
		{"two turns", 2, 4, 1, 3},
		{"all are of other lists", 1, 3, 3, 3},
		{"some are of other lists", 1, 10, 3, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, sent := searching(t, c.conns)
			var questions []query.Question
			for n := range c.asked {
				f := query.GoalFilter{Category: []string{"", "maths", "中文"}[n%c.filters]}
				questions = append(questions, s.search(f, uuid.New())...)
			}
			answers, reads := s.inTurns(sent, questions)
			for _, answer := range answers {
				require.NoError(t, answer.err)
			}
			require.Equal(t, c.reads, reads)
		})
	}
}

// Where somebody's own goals cannot be read, those who share the turn find what they look for.
func TestASearchThatFailsIsOnesOwn(t *testing.T) {
	t.Parallel()
	s, sent := searching(t, 1)
	id := s.begin(s.ann, events.KindGoal, &events.GoalCreated{Title: "goal", Visibility: events.Private})
	s.project()
	_, err := s.admin.Exec(t.Context(), `update `+projections.Goal.Build(1).Table()+` set doc = '{"title": 5}' where id = $1`, id)
	require.NoError(t, err)
	questions := s.search(query.GoalFilter{}, uuid.New(), s.ann, s.bob, uuid.New())
	for i, q := range questions {
		if i != 1 {
			_, err := s.answerer.Answer(t.Context(), q)
			require.NoError(t, err)
		}
	}
	answers, reads := s.inTurns(sent, questions)
	require.Equal(t, 1+1+3, reads, "alone, together, and then one by one")
	for i, answer := range answers {
		require.Equal(t, i == 1, answer.err != nil, "%d: %v", i, answer.err)
	}
}
