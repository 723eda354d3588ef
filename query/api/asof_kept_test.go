package api

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/cache"
	"sical-backend/internal/testkit"
	"sical-backend/query"
)

// kept waits until the node answers from memory, and returns that.
func (w *world) kept(sent *counting, target, token string) (got answer) {
	w.t.Helper()
	w.eventually(func() error {
		before := sent.n.Load()
		got = w.get(target, token)
		if got.status != http.StatusOK || sent.n.Load() != before {
			return errors.New("not from memory: " + got.body)
		}
		return nil
	})
	return got
}

// TestKeptLookBackAsksNobody: what was looked back to is answered from memory, and who has it is
// told so, without a statement: so also while Postgres is away.
func TestKeptLookBackAsksNobody(t *testing.T) {
	t.Parallel()
	sent := &counting{}
	w := newWorld(t, sent)
	ann := token(w.register("ann"), events.Learner)
	w.register("wei")
	w.record()
	w.project()
	then := "/v1/users/me?as_of=1"
	first := w.kept(sent, then, ann)
	asks := func() {
		t.Helper()
		before := sent.n.Load()
		for _, headers := range [][]string{nil, {minPosition, "1"}, {minPosition, "2"}} { // the last for the rights of then
			require.Equal(t, first.body, w.get(then, ann, headers...).body)
			same := w.get(then, ann, append(headers, "If-None-Match", first.header.Get("ETag"))...)
			require.Equal(t, http.StatusNotModified, same.status, same.body)
		}
		require.Equal(t, before, sent.n.Load())
	}
	asks()
	w.api.answerer = query.NewAnswerer(w.pool(astray), w.vault) // the views are heard of by other means
	asks()
	w.unavailable("/v1/users/me?as_of=2", ann)
}

// TestKeptLookBackEnds with an erasure, and with the log that it is of.
func TestKeptLookBackEnds(t *testing.T) {
	t.Parallel()
	sent := &counting{}
	w := newWorld(t, sent)
	ann := w.register("ann")
	w.register("wei")
	w.record()
	w.project()
	then := "/v1/users/" + ann.String() + "?as_of=1"
	w.kept(sent, then, "")
	w.exec(`delete from sical.subject_key where subject = $1`, ann)
	w.vault.Forget(ann)
	w.api.waiter.(*cache.Positions).Forget()
	require.Equal(t, missing, w.get(then, "").status)

	then = "/v1/users/" + w.log[1].Owner.String() + "?as_of=2"
	w.kept(sent, then, "")
	w.exec(`delete from sical.events where position = 2`)
	w.exec(`update sical.projection set incarnation = gen_random_uuid(), position = 1`)
	w.eventually(func() error {
		if got := w.get(then, ""); got.status != http.StatusBadRequest {
			return errors.New(got.body)
		}
		return nil
	})
}

// TestWhatIsNotYetIsNoAnswer: a position beyond the log is refused, whatever is asked for, and is
// answered as soon as the log has it.
func TestWhatIsNotYetIsNoAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ann := w.register("ann")
	w.record()
	w.project()
	as := token(ann, events.Learner)
	targets := []string{
		"/v1/users/" + ann.String(), "/v1/users/" + uuid.NewString(), "/v1/goals/" + uuid.NewString(),
		"/v1/points/" + uuid.NewString(), "/v1/paths/" + uuid.NewString(), "/v1/assessments/" + uuid.NewString(),
	}
	for _, target := range targets {
		for range 2 {
			got := w.get(target+"?as_of=2", as)
			require.Equal(t, http.StatusBadRequest, got.status, got.body)
			require.Contains(t, got.body, query.ErrFuture.Error())
		}
	}
	w.register("wei")
	w.record()
	for n, target := range targets {
		require.Equal(t, map[bool]int{true: ok, false: missing}[n == 0], w.get(target+"?as_of=2", as).status, target)
	}
}

// TestWhatWasNotYetForAnother: who looks back to what they did is not told that it is not there
// because somebody had asked for it a moment before.
func TestWhatWasNotYetForAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ann := w.register("ann")
	w.record()
	w.project()
	w.adapted(func(cfg *pgxpool.Config) { cfg.MaxConns = 1 })
	require.Equal(t, ok, w.get("/v1/users/"+ann.String()+"?as_of=1", "").status) // so that its statements are prepared, which would wait for the lock
	q := w.answerer.UserAsOf(query.Viewer{}, ann, 2)
	ask := func(ctx context.Context) <-chan error {
		failed := make(chan error, 1)
		go func() {
			_, err := w.api.answers.Do(ctx, w.api.cached(q, 0))
			failed <- err
		}()
		return failed
	}
	var early, late <-chan error
	require.NoError(t, pgx.BeginFunc(t.Context(), w.admin, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `lock table sical.events in access exclusive mode`)
		require.NoError(t, err)
		early = ask(t.Context())
		w.waitedFor("sical.events") // by who has begun a snapshot
		ctx, joined := testkit.Watched(t.Context())
		late = ask(ctx)
		testkit.Receive(t, joined)
		return headOf(t.Context(), tx, 2)
	}))
	require.ErrorIs(t, testkit.Receive(t, early), query.ErrFuture)
	require.NoError(t, testkit.Receive(t, late))
}
