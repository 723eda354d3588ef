package query

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/admission"
	"sical-backend/internal/reading"
	"sical-backend/internal/reading/readtest"
	"sical-backend/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// Look-backs have a limit of their own: where it is reached nobody else is refused.
func TestLookBacksAreLimitedByThemselves(t *testing.T) {
	t.Parallel()
	a := &Answerer{}
	for _, l := range []**admission.Limiter{&a.alone, &a.gathered, &a.past} {
		*l = admission.NewLimiter(1, 1, 1, time.Now, func() time.Duration { return 0 })
	}
	load := func(context.Context) (Answer, error) { return Answer{Version: 7}, nil }
	require.NoError(t, a.past.Do(t.Context(), nil, func() error { // while which it is full
		_, err := a.Answer(t.Context(), Question{Past: 1, load: load})
		require.ErrorAs(t, err, new(*admission.OverloadError))
		_, err = a.PositionAt(t.Context(), time.Now(), 1)
		require.ErrorAs(t, err, new(*admission.OverloadError))
		for _, q := range []Question{{load: load}, {gather: func(ctx context.Context, _ reading.Due) (Answer, error) { return load(ctx) }}} {
			answer, err := a.Answer(t.Context(), q)
			require.NoError(t, err)
			require.Equal(t, 7, answer.Version)
		}
		return nil
	}))
}

// Searches are read together, but cost as much as what is read alone, and are limited with it.
func TestSearchesAreLimitedWithLists(t *testing.T) {
	t.Parallel()
	a := &Answerer{}
	for _, l := range []**admission.Limiter{&a.alone, &a.gathered} {
		*l = admission.NewLimiter(1, 1, 1, time.Now, func() time.Duration { return 0 })
	}
	gather := func(context.Context, reading.Due) (Answer, error) { return Answer{}, nil }
	search, others := Question{searches: true, gather: gather}, Question{gather: gather}
	require.NoError(t, a.alone.Do(t.Context(), nil, func() error { // while which it is full
		_, err := a.Answer(t.Context(), search)
		require.ErrorAs(t, err, new(*admission.OverloadError))
		_, err = a.Answer(t.Context(), others)
		return err
	}))
	_, err := a.Answer(t.Context(), search)
	require.NoError(t, err)
}

// Rankings and statistics wait for a turn, and read nothing before.
func TestWhatAddsUpTakesTurns(t *testing.T) {
	t.Parallel()
	a := &Answerer{
		alone:  admission.NewLimiter(9, 9, 9, time.Now, func() time.Duration { return 0 }),
		adders: make(admission.Semaphore, 1),
	}
	r := Ranking{At: 20_000, Limit: 20}
	for _, q := range []Question{a.PopularGoals(r), a.TrendingPoints(r), a.Statistics(r.At)} {
		loads := 0
		q.load = func(context.Context) (Answer, error) { loads++; return Answer{}, nil }
		end, err := a.adders.Acquire(t.Context())
		require.NoError(t, err)
		left, leave := context.WithCancel(t.Context())
		leave()
		_, err = a.Answer(left, q)
		require.ErrorIs(t, err, context.Canceled, q.Key)
		require.Zero(t, loads, q.Key)
		end()
		_, err = a.Answer(t.Context(), q)
		require.NoError(t, err)
		require.Equal(t, 1, loads, q.Key)
	}
}

// Whatever is read together is asked whether it is still of use, and not read where it is not.
func TestWhatIsReadTogetherIsAskedWhetherItIsDue(t *testing.T) {
	t.Parallel()
	_, reader := readtest.Tables(t)
	a := NewAnswerer(reader, nil)
	reader.Close() // and nothing can be read
	id := uuid.New()
	ids := []events.ID{id, uuid.New()}
	someone, moderator := Viewer{ID: uuid.New(), Role: events.Learner}, Viewer{ID: uuid.New(), Role: events.Moderator}
	tooLate := errors.New("too late")
	gathered := 0
	ask := func(list ...Question) {
		for _, q := range list {
			require.NotNil(t, q.gather, q.Views)
			asked := 0
			_, err := q.gather(t.Context(), func(int) error { asked++; return tooLate })
			require.ErrorIs(t, err, tooLate, q.Views)
			require.Equal(t, 1, asked, q.Views)
			gathered++
		}
	}
	ask(a.Point(id), a.PointsByID(ids), a.Webhook(id))
	for _, v := range []Viewer{{}, someone, moderator, {ID: id, Role: events.Learner}} {
		search, err := a.SearchGoals(v, GoalFilter{}, Search{"graph"}, Paging{Limit: 1})
		require.NoError(t, err)
		ask(search, a.Path(v, id), a.Goal(v, id), a.GoalsByID(v, ids), a.User(v, id), a.UsersByID(v, ids), a.Assessment(v, id))
	}
	require.Equal(t, 3+4*7, gathered)
}

// BenchmarkPoint answers the smallest question from the tables.
func BenchmarkPoint(b *testing.B) {
	projector, reader := readtest.Tables(b)
	id := uuid.New()
	readtest.Put(b, projector, id, "笔画", 1)
	a := NewAnswerer(reader, nil)
	q := a.Point(id)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Answer(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}
