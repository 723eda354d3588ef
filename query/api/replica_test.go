package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/cache"
	"sical-backend/internal/web"
	"sical-backend/query"
)

// replica has the node read a server that says that it follows another, traced as given.
func (w *world) replica(tracer ...pgx.QueryTracer) {
	w.t.Helper()
	_, err := w.admin.Exec(w.t.Context(), `create schema replica; grant usage on schema replica to sical_query;
		create function replica.pg_is_in_recovery() returns bool language sql as 'select true'`)
	require.NoError(w.t, err)
	w.adapted(func(cfg *pgxpool.Config) {
		cfg.ConnConfig.RuntimeParams["search_path"] = "replica, pg_catalog"
		for _, t := range tracer {
			cfg.ConnConfig.Tracer = t
		}
	})
}

// TestReplicaThatLags: what it does not have is not said to be beyond the log, and is
// there as soon as it has it.
func TestReplicaThatLags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ann := token(w.register("ann"), events.Learner)
	w.project()
	w.replica()
	for _, c := range []struct {
		target  string
		headers []string
	}{
		{"/v1/users/me?as_of=2", nil},
		{"/v1/users/me", []string{minPosition, "2", "Prefer", "wait=0"}},
		{"/v1/users/me", []string{minPosition, "2", "Prefer", "wait=1"}},
	} {
		got := w.get(c.target, ann, c.headers...)
		assert.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
		assert.Equal(t, "not_caught_up", problemCode(t, got))
	}
	w.register("wei")
	w.project()
	assert.Equal(t, http.StatusNotFound, w.get("/v1/users/me?as_of=2", ann).status, "by then: this log has nothing about her")
	got := w.caughtUp("/v1/users/me", ann)
	assert.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, 2, position(got))
}

// TestInstantOnAReplicaThatLags: the moment that an instant is, is looked up in a log that
// has what the client knows of. That the views have it may be known before.
func TestInstantOnAReplicaThatLags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.register("ann")
	w.record()
	wei := w.register("wei")
	w.project()
	w.replica()
	w.caughtUp("/v1/statistics", "")
	_, err := w.admin.Exec(t.Context(), `delete from sical.events where position = 2`)
	require.NoError(t, err)
	target := "/v1/users/" + wei.String() + "?as_of=" + url.QueryEscape(w.now.Format(time.RFC3339))
	assert.Equal(t, http.StatusNotFound, w.get(target, "").status, "who asks for nothing gets what there is")
	assert.Equal(t, http.StatusNotFound, w.get(target, "", minPosition, "2", "Prefer", "wait=0, handling=lenient").status)
	got := w.get(target, "", minPosition, "2", "Prefer", "wait=0")
	assert.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
	assert.Equal(t, "not_caught_up", problemCode(t, got))
	views := &patient{w.api.waiter, time.Hour}
	w.api.waiter = views
	assert.Equal(t, http.StatusNotFound, w.get(target, "", minPosition, "2", "Prefer", "wait=1, handling=lenient").status)
	assert.LessOrEqual(t, views.patience, time.Duration(0), "the moment and the views are waited for no longer than asked, in all")
	w.record()
	assert.Equal(t, http.StatusOK, w.get(target, "", minPosition, "2").status)
}

// afterwards has something happen when a statement that begins so has been answered, as if what is
// read next were of another server.
type afterwards struct {
	begins  string
	happens func()
}

func (a *afterwards) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, a, strings.HasPrefix(q.SQL, a.begins))
}

func (a *afterwards) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if ctx.Value(a) == true {
		a.happens()
	}
}

// TestLookBackIsOfOneServer: that one has the moment that is looked back to says nothing of another,
// which may be the one that is read.
func TestLookBackIsOfOneServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.register("ann")
	wei := w.register("wei")
	w.record()
	w.project()
	w.replica()
	lags := &afterwards{"-- position", sync.OnceFunc(func() { w.exec(`delete from sical.events where position = 2`) })}
	w.adapted(func(cfg *pgxpool.Config) { cfg.ConnConfig.Tracer = lags })
	target := "/v1/users/" + wei.String() + "?as_of="
	require.Equal(t, http.StatusOK, w.get(target+"2", "").status, "nobody is asked before it is read")
	instant, herself := target+url.QueryEscape(w.now.Format(time.RFC3339)), token(wei, events.Learner) // whose answer is not kept yet
	got := w.get(instant, herself, minPosition, "1", "Prefer", "wait=0")
	require.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
	require.Equal(t, "not_caught_up", problemCode(t, got))
	w.record()
	require.Equal(t, http.StatusOK, w.get(instant, herself, minPosition, "1", "Prefer", "wait=0").status)
}

// pasts counts the events that come for look backs.
type pasts struct {
	statements
	asked, came atomic.Int64
}

func (p *pasts) TraceBatchQuery(_ context.Context, _ *pgx.Conn, q pgx.TraceBatchQueryData) {
	if strings.HasPrefix(q.SQL, "-- history") {
		p.asked.Add(1)
		p.came.Add(q.CommandTag.RowsAffected())
	}
}

// TestAMomentThatIsNotThereReadsNothing: anybody may ask for it, of things to which much has
// happened, and a replica is asked more than once.
func TestAMomentThatIsNotThereReadsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	point := w.begin(w.register("wei"), events.KindPoint, &events.PointCreated{Title: "笔画", Difficulty: 1})
	for range 1000 {
		w.happen(events.ID{}, events.StreamOf(events.KindPoint, point), &events.PointRevised{Title: new("部首")})
	}
	w.record()
	w.project()
	sent := &pasts{}
	w.replica(sent)
	asOf := func(at int) answer {
		return w.get(fmt.Sprintf("/v1/points/%s?as_of=%d", point, at), "", minPosition, "1", "Prefer", "wait=0")
	}
	got := asOf(len(w.log) + 1)
	require.Equal(t, http.StatusServiceUnavailable, got.status, got.body)
	require.Equal(t, "not_caught_up", problemCode(t, got))
	require.Positive(t, sent.asked.Load())
	require.Zero(t, sent.came.Load())
	require.Equal(t, http.StatusOK, asOf(len(w.log)).status)
	require.EqualValues(t, 1001, sent.came.Load(), "the tracer counts them")
}

// patient remembers how long the views were waited for, at most.
type patient struct {
	Waiter
	patience time.Duration
}

func (p *patient) Wait(ctx context.Context, views []string, position uint64, patience time.Duration) error {
	p.patience = patience
	return p.Waiter.Wait(ctx, views, position, patience)
}

// lagging answers as of an old position for a while.
type lagging struct {
	Answers
	Waiter
	left   int
	least  []uint64
	pauses []time.Duration // of those who were to wait again
}

func (l *lagging) Do(_ context.Context, q cache.Question) (cache.Answer, error) {
	l.least = append(l.least, q.MinPosition)
	if l.left--; l.left >= 0 && q.MinPosition > 0 {
		return cache.Answer{}, cache.ErrBehind
	}
	return cache.Answer{Position: 9}, nil
}

func (l *lagging) Wait(context.Context, []string, uint64, time.Duration) error { return nil }

func (l *lagging) Shows([]string, uint64) bool { return true } // as was known

func (l *lagging) WaitAgain(_ context.Context, _ []string, _ uint64, pause, patience time.Duration) error {
	l.pauses = append(l.pauses, pause)
	if patience <= 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// TestNoticeAheadOfTheReplica: a view is known to be there, and the snapshot that is
// read is not.
func TestNoticeAheadOfTheReplica(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fresh freshness
		left  int
		least []uint64 // of each question to the tables
		want  error
	}{
		{"is waited for", freshness{required: true, position: 9, wait: time.Hour}, 2, []uint64{9, 9, 9}, nil},
		{"not for longer than asked", freshness{required: true, position: 9}, 2, []uint64{9}, web.NewProblem(web.NotCaughtUp, "")},
		{"then an older one will do", freshness{required: true, position: 9, lenient: true}, 2, []uint64{9, 0}, nil},
	} {
		l := &lagging{left: c.left}
		_, err := (&API{answers: l, waiter: l}).load(t.Context(), query.Question{}, c.fresh)
		require.Equal(t, c.want, err, c.name)
		require.Equal(t, c.least, l.least, c.name)
	}
	l := &lagging{left: 7}
	_, err := (&API{answers: l, waiter: l}).load(t.Context(), query.Question{}, freshness{required: true, position: 9, wait: time.Hour})
	require.NoError(t, err)
	for i, pause := range []time.Duration{0, 10, 30, 70, 150, 200, 200} {
		require.Equal(t, pause*time.Millisecond, l.pauses[i], "who is woken in vain, as another server was read, waits longer: %v", l.pauses)
	}
	ctx, leave := context.WithCancel(t.Context())
	asked := 0
	err = patiently(ctx, time.Now().Add(time.Hour), func() error {
		asked++
		leave()
		return query.ErrBehind
	})
	require.True(t, errors.Is(err, context.Canceled) && asked == 1, "whoever leaves is not waited for: %v", err)
}

// What is not there has not been there as of the moment that was read: on a replica it
// may be by now.
func TestNotFoundTellsAsOfWhen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.register("ann")
	w.project()
	nobody, viewer := uuid.New(), query.Viewer{}
	for name, q := range map[string]query.Question{
		"user": w.answerer.User(viewer, nobody), "goal": w.answerer.Goal(viewer, nobody), "path": w.answerer.Path(viewer, nobody), "point": w.answerer.Point(nobody),
		"deliveries": w.answerer.DeliveriesOf(nobody), "goal of then": w.answerer.GoalAsOf(viewer, nobody, 1), "point of then": w.answerer.PointAsOf(nobody, 1),
		"path of then": w.answerer.PathAsOf(viewer, nobody, 1), "user of then": w.answerer.UserAsOf(viewer, nobody, 1),
	} {
		answer, err := w.answerer.Answer(t.Context(), q)
		require.ErrorIs(t, err, query.ErrNotFound, name)
		require.Len(t, answer.Checkpoints, len(q.Views), name)
		require.EqualValues(t, 1, answer.Checkpoints[0].Position(), name)
		_, err = w.api.answers.Do(t.Context(), w.api.cached(q, 2))
		require.ErrorIs(t, err, cache.ErrBehind, name)
	}
}
