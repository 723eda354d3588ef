package api

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/cache"
	"sical-backend/internal/testkit"
	"sical-backend/query"
)

// everybody asks for everything that is read together with what others ask.
func (s *school) everybody() (list []query.Question) {
	for _, v := range []query.Viewer{
		{}, {ID: s.ann, Role: events.Learner}, {ID: s.bob, Role: events.Learner}, {ID: s.wei, Role: events.Curator},
		{ID: s.bob, Role: events.Moderator}, {ID: uuid.New(), Role: events.Admin},
	} {
		goals, users := []events.ID{s.private, s.quiz, s.public}, []events.ID{s.bob, s.quiz, s.ann, s.wei}
		list = append(list, s.answerer.GoalsByID(v, goals), s.answerer.UsersByID(v, users))
		for _, id := range goals {
			list = append(list, s.answerer.Goal(v, id))
		}
		for _, id := range users {
			list = append(list, s.answerer.User(v, id))
		}
		for _, id := range []events.ID{s.course, s.draft} {
			list = append(list, s.answerer.Path(v, id), s.answerer.Assessment(v, id))
		}
	}
	return list
}

// holdConnections leaves the query node none to read with, until release is called.
func (w *world) holdConnections() (release func()) {
	w.t.Helper()
	var held []*pgxpool.Conn
	for range w.queries.Config().MaxConns {
		conn, err := w.queries.Acquire(w.t.Context())
		require.NoError(w.t, err)
		held = append(held, conn)
	}
	return func() {
		for _, conn := range held {
			conn.Release()
		}
	}
}

// underWay waits until so many questions are being answered from the tables.
func (w *world) underWay(n int, load func() (underWay, limit int)) {
	w.t.Helper()
	w.eventually(func() error {
		if asked, _ := load(); asked != n {
			return fmt.Errorf("%d of %d", asked, n)
		}
		return nil
	})
}

// said is what a question was answered with.
type said struct {
	query.Answer
	err error
}

// atOnce asks questions that are limited by load, all of them before any is answered.
func (s *school) atOnce(questions []query.Question, load func() (underWay, limit int)) []said {
	s.t.Helper()
	release := s.holdConnections()
	answers := make([]said, len(questions))
	var asking sync.WaitGroup
	for i, q := range questions {
		asking.Go(func() { answers[i].Answer, answers[i].err = s.answerer.Answer(s.t.Context(), q) })
	}
	s.underWay(len(questions), load)
	release()
	asking.Wait()
	return answers
}

// TestTogetherIsAsAlone: whoever asks while others do is answered as if alone.
func TestTogetherIsAsAlone(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	questions := s.everybody()
	alone := make([]said, len(questions))
	for i, q := range questions {
		alone[i].Answer, alone[i].err = s.answerer.Answer(t.Context(), q)
	}
	_, gathered, _ := s.answerer.Loads()
	together := s.atOnce(questions, gathered)
	for i, q := range questions {
		require.Equal(t, alone[i], together[i], "%q", q.Key)
	}
}

// fill has as many questions under way as may be, of which none is answered, and none given up.
func (s *school) fill() (answers chan error) {
	s.t.Helper()
	answers = make(chan error, s.room())
	for i := range cap(answers) {
		asked, err := s.answerer.Points(query.PointFilter{Category: strconv.Itoa(i / 200)}, query.Paging{Limit: i%200 + 1})
		require.NoError(s.t, err)
		q := s.api.cached(asked, 0)
		load := q.Load
		q.Load = func(ctx context.Context) (cache.Answer, error) { return load(context.WithoutCancel(ctx)) }
		go func() {
			_, err := s.api.answers.Do(s.t.Context(), q)
			answers <- err
		}()
	}
	alone, _, _ := s.answerer.Loads()
	s.underWay(cap(answers), alone)
	return answers
}

// room is how many questions that are not read with others may be under way.
func (s *school) room() int {
	alone, _, _ := s.answerer.Loads()
	_, limit := alone()
	return limit
}

// filling is where one of the questions of fill is asked.
func filling(i int) string {
	return "/v1/points?limit=" + strconv.Itoa(i%200+1) + "&category=" + strconv.Itoa(i/200)
}

// TestTooMuchIsRefusedEarly: beyond what the database can take, whoever asks for more
// is told so at once, and nobody else notices.
func TestTooMuchIsRefusedEarly(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	s.adapted(func(cfg *pgxpool.Config) { cfg.MaxConns = 2 }) // of which few questions are too many
	release := s.holdConnections()
	answers := s.fill()
	goal := "/v1/goals/" + s.public.String()
	for _, target := range []string{"/v1/goals", "/v1/statistics"} {
		refused := s.get(target, "")
		require.Equal(t, http.StatusServiceUnavailable, refused.status)
		require.Equal(t, "overloaded", problemCode(t, refused))
		require.NotEmpty(t, refused.header.Get("Retry-After"))
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	asked := httptest.NewRecorder()
	s.server.ServeHTTP(asked, httptest.NewRequestWithContext(left, http.MethodGet, filling(0), nil))
	require.Equal(t, 499, asked.Code, "it waited for what was asked for by another")
	release()
	for range cap(answers) {
		require.NoError(t, testkit.Receive(t, answers))
	}
	require.Equal(t, http.StatusOK, s.get(goal, "").status)
}

// TestLookBacksHoldUpNobodyElse: more of them than there are connections, all of which
// wait for the log, and a list. They are so few that it is not learnt from them how long the log is
// held, and are not given up.
func TestLookBacksHoldUpNobodyElse(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	s.record()
	s.adapted(func(cfg *pgxpool.Config) { cfg.MaxConns = 4 })
	unlock := s.db.Locked(t, "sical.events")
	n := 2 * int(s.queries.Config().MaxConns)
	answers := make(chan error, n)
	for i := range n {
		go func() {
			_, err := s.answerer.Answer(t.Context(), s.answerer.GoalAsOf(query.Viewer{}, s.public, uint64(len(s.log)-i)))
			answers <- err
		}()
	}
	_, _, past := s.answerer.Loads()
	s.underWay(n, past)
	require.Equal(t, http.StatusOK, s.get("/v1/goals", "").status)
	unlock()
	for range n {
		require.NoError(t, testkit.Receive(t, answers))
	}
}
