package api

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/cache"
	"sical-backend/internal/testkit"
	"sical-backend/query"
)

// unhurried has requests wait for as long as it takes: a test may take longer on a busy
// machine than a client may wait.
type unhurried struct{ *cache.Positions }

func (u unhurried) Wait(ctx context.Context, views []string, position uint64, _ time.Duration) error {
	return u.Positions.Wait(ctx, views, position, time.Hour)
}

func (u unhurried) WaitAgain(ctx context.Context, views []string, position uint64, pause, _ time.Duration) error {
	return u.Positions.WaitAgain(ctx, views, position, pause, time.Hour)
}

// unhurried makes the node's requests so.
func (w *world) unhurried() (views unhurried) {
	views = unhurried{w.api.waiter.(*cache.Positions)}
	w.api.waiter = views
	return views
}

// wait waits until so many requests wait for views.
func (u unhurried) wait(w *world, n int64) {
	w.t.Helper()
	w.eventually(func() error {
		if waiting := u.Waiting(); waiting != n {
			return fmt.Errorf("%d wait", waiting)
		}
		return nil
	})
}

// waits asks for what has the position, as who a token names.
func (w *world) waits(ctx context.Context, target, token string, position int) <-chan answer {
	return w.asks(ctx, http.MethodGet, target, token, minPosition, strconv.Itoa(position))
}

// asks asks, as who a token names.
func (w *world) asks(ctx context.Context, method, target, token string, headers ...string) <-chan answer {
	answers := make(chan answer, 1)
	request := httptest.NewRequestWithContext(ctx, method, target, nil)
	request.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	go func() {
		recorder := httptest.NewRecorder()
		w.server.ServeHTTP(recorder, request)
		answers <- answer{recorder.Code, recorder.Header(), recorder.Body.String()}
	}()
	return answers
}

// TestTooManyWait: beyond as many as may wait, a request is refused at once that would have to.
// What need not wait is answered, and who waited and left has made room.
func TestTooManyWait(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	views, target := s.unhurried(), "/v1/goals/"+s.public.String()
	before, next := len(s.log), len(s.log)+1
	require.Equal(t, http.StatusOK, s.caughtUp(target, s.as(s.bob)).status)
	require.NoError(t, inTransaction(s.world, headOf, next))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var waiting []<-chan answer
	for range 10 {
		waiting = append(waiting, s.waits(ctx, target, s.as(s.ann), next))
	}
	views.wait(s.world, 10)

	refused := s.get(target, s.as(s.bob), minPosition, strconv.Itoa(next))
	require.Equal(t, http.StatusServiceUnavailable, refused.status)
	require.Equal(t, "overloaded", problemCode(t, refused))
	require.Contains(t, refused.body, "Too many requests wait for a view.")
	require.Equal(t, "application/problem+json", refused.header.Get("Content-Type"))
	require.NotEmpty(t, refused.header.Get("Retry-After"))
	require.Equal(t, "no-store", refused.header.Get("Cache-Control"))
	for _, enough := range [][]string{
		nil, {minPosition, strconv.Itoa(before)}, {minPosition, strconv.Itoa(next), "Prefer", "handling=lenient"},
	} {
		older := s.get(target, s.as(s.bob), enough...)
		require.Equal(t, http.StatusOK, older.status, "%v: %s", enough, older.body)
		require.Equal(t, before, position(older), enough)
	}

	leave()
	for _, left := range waiting {
		require.Equal(t, 499, testkit.Receive(t, left).status)
	}
	require.Zero(t, views.Waiting())
	again := s.waits(t.Context(), target, s.as(s.bob), next)
	views.wait(s.world, 1)
	require.NoError(t, inTransaction(s.world, checkpoint, next))
	answered := testkit.Receive(t, again)
	require.Equal(t, http.StatusOK, answered.status, answered.body)
	require.Equal(t, next, position(answered))
}

// TestComposedAnswersWaitForEachView: what is composed of several views waits for whichever
// is behind, and for no other, be its answer in memory or not.
func TestComposedAnswersWaitForEachView(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	views, ann := s.unhurried(), query.Viewer{ID: s.ann}
	targets := map[string][]string{
		"/v1/goals/" + s.public.String():   s.answerer.Goal(ann, s.public).Views,
		"/v1/users/" + s.ann.String():      s.answerer.User(ann, s.ann).Views,
		"/v1/points/" + s.strokes.String(): s.answerer.Point(s.strokes).Views,
	}
	for _, held := range []string{"goal", "path", "point", "progress", "user"} {
		at := s.cameTo("view <> '" + held + "'")
		s.eventually(func() error {
			for _, composed := range targets {
				for _, view := range composed {
					if view != held && views.Applied(view) < uint64(at) {
						return fmt.Errorf("%s is at %d", view, views.Applied(view))
					}
				}
			}
			return nil
		})
		waiting := map[string]<-chan answer{}
		for target, composed := range targets {
			if slices.Contains(composed, held) {
				waiting[target] = s.waits(t.Context(), target, s.as(s.ann), at)
				continue
			}
			got := s.get(target, s.as(s.ann), minPosition, strconv.Itoa(at))
			assert.Equal(t, http.StatusOK, got.status, "%s without %s: %s", target, held, got.body)
		}
		require.NotEmpty(t, waiting, held)
		views.wait(s.world, int64(len(waiting)))
		for target, answers := range waiting {
			require.Empty(t, answers, "%s does not wait for %s", target, held)
		}
		require.EqualValues(t, at-1, views.Applied(held))
		_, err := s.admin.Exec(t.Context(), `update sical.projection set position = $1`, at)
		require.NoError(t, err)
		for target, answers := range waiting {
			got := testkit.Receive(t, answers)
			assert.Equal(t, http.StatusOK, got.status, "%s waited for %s: %s", target, held, got.body)
			assert.Equal(t, at, position(got), "%s waited for %s", target, held)
		}
	}
}

// cameTo has the log go on by an event that concerns nobody, and the views where
// the condition holds come to its position.
func (s *school) cameTo(where string) (position int) {
	s.t.Helper()
	ctx := s.t.Context()
	require.NoError(s.t, s.admin.QueryRow(ctx, `select max(position) + 1 from sical.events`).Scan(&position))
	require.NoError(s.t, inTransaction(s.world, headOf, position))
	_, err := s.admin.Exec(ctx, `update sical.projection set position = $1 where `+where, position)
	require.NoError(s.t, err)
	return position
}
