package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/admission"
	"sical-backend/internal/auth"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/web"
)

// one lets one request in at a time.
func one() *admission.Limiter {
	return admission.NewLimiter(1, 1, 1, time.Now, func() time.Duration { return 0 })
}

// unread is a body that nobody may read.
type unread struct{ t *testing.T }

func (b unread) Read([]byte) (int, error) {
	b.t.Error("the body of a request that is refused was read")
	return 0, errors.New("read")
}

// Whatever the command side is asked for, it is refused at once while there is too much to do,
// before anything is read of it, and told when to come back.
func TestEveryRouteIsRefusedEarly(t *testing.T) {
	t.Parallel()
	a := &Admission{commands: one(), batches: one()}
	e := echo.New()
	Register(e, Config{Admission: a}) // there is nothing to work with

	require.NoError(t, a.commands.Do(t.Context(), nil, func() error { // while which it is full
		for _, route := range e.Routes() {
			request := httptest.NewRequestWithContext(t.Context(), route.Method, strings.ReplaceAll(route.Path, ":id", "1"), unread{t})
			c := e.NewContext(request, httptest.NewRecorder())
			e.Router().Find(route.Method, request.URL.Path, c)
			var p *web.Problem
			require.ErrorAs(t, c.Handler()(c), &p, route.Path)
			require.Equal(t, web.Overloaded, p.Code, route.Path)
			require.GreaterOrEqual(t, p.RetryAfter, time.Second, route.Path)
			require.Equal(t, http.StatusServiceUnavailable, p.Status(), route.Path)
		}
		return nil
	}))
}

// The early look counts nobody. Where many pass it at the same moment, each that is about to ask
// the database is let in only while there is room.
func TestEachIsCountedOnceMore(t *testing.T) {
	t.Parallel()
	a := &API{Config{Admission: &Admission{commands: one(), batches: one()}}}   // there is nothing to work with
	require.NoError(t, a.Admission.commands.Do(t.Context(), nil, func() error { // while which it is full
		for body, answer := range map[string]echo.HandlerFunc{
			`{"username":"li.hua","password":"secret"}`: a.logIn,
			`{"refresh_token":"once"}`:                  a.refresh,
			``:                                          a.logOut,
			`{}`:                                        a.ticket,
		} {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
			request.Header.Set("Content-Type", "application/json")
			c := echo.New().NewContext(request, httptest.NewRecorder())
			web.SetPrincipal(c, web.Principal{Role: string(events.Learner)})
			var p *web.Problem
			require.ErrorAs(t, answer(c), &p, body)
			require.Equal(t, web.Overloaded, p.Code, body)
		}
		return nil
	}))
}

// A batch that is no longer than a request is dear counts as one. Longer ones keep nobody from
// a command.
func TestLongBatchesHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	a := NewAdmission(6)
	require.Same(t, a.commands, a.batch(linesARequest))
	require.Same(t, a.batches, a.batch(linesARequest+1))
}

// A rule's refusal is an answer like others, by which the limiter learns what there is room
// for; that the log was away tells it nothing. Whoever asked has either as it is.
func TestRefusalsAreAnswers(t *testing.T) {
	t.Parallel()
	for _, answer := range []error{
		nil, &command.Refusal{Reason: command.Conflict}, dispatch.ErrVersion, dispatch.ErrKeyReused, auth.ErrRefresh, fmt.Errorf("more: %w", auth.ErrReuse),
	} {
		require.True(t, answer == nil || judged(answer), answer)
		require.Equal(t, answer, limited(t.Context(), one(), func(context.Context) error { return answer }))
	}
	for _, failure := range []error{eventlog.ErrUnavailable, eventlog.ErrFull, context.DeadlineExceeded, &admission.OverloadError{}} {
		require.False(t, judged(failure), failure)
		require.Equal(t, failure, limited(t.Context(), one(), func(context.Context) error { return failure }))
	}
	full := one()
	require.NoError(t, full.Do(t.Context(), nil, func() error {
		require.ErrorAs(t, limited(t.Context(), full, func(context.Context) error {
			t.Error("done without room")
			return nil
		}), new(*admission.OverloadError))
		return nil
	}))
}

// However much there is to do, an admin is not refused: they may have to end it.
func TestAdminsAreNotRefused(t *testing.T) {
	t.Parallel()
	a := &API{Config{Admission: &Admission{commands: one(), batches: one()}}}
	ask := func(role events.Role) (done bool, err error) {
		c := echo.New().NewContext(httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil), httptest.NewRecorder())
		web.SetPrincipal(c, web.Principal{Role: string(role)})
		err = a.bounded(func(c echo.Context) error {
			return a.admitted(c, func(context.Context) error {
				done = true
				return nil
			})
		})(c)
		return done, err
	}
	require.NoError(t, a.Admission.commands.Do(t.Context(), nil, func() error { // while which it is full
		done, err := ask(events.Admin)
		require.True(t, done)
		require.NoError(t, err)
		done, err = ask(events.Learner)
		require.False(t, done)
		require.Error(t, err)
		return nil
	}))
}
