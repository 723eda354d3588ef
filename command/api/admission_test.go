package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/admission"
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
	Register(e, Config{Admission: a})                                 // there is nothing to work with
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

// A batch that is no longer than a request is dear counts as one. Longer ones keep nobody from
// a command.
func TestLongBatchesHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	a := NewAdmission(6)
	require.Same(t, a.commands, a.batch(linesARequest))
	require.Same(t, a.batches, a.batch(linesARequest+1))
}
