package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/cache"
)

// asking counts what is asked for that the cache does not hold.
type asking struct {
	Answers
	n int
}

func (a *asking) Do(ctx context.Context, q cache.Question) (cache.Answer, error) {
	a.n++
	return a.Answers.Do(ctx, q)
}

// TestAllocationsOfAnswersFromMemory: what a request whose answer is in memory allocates,
// without what net/http does. The bounds are what was counted, so that whoever adds one sees it
// here. Not parallel: it counts the whole process's.
func TestAllocationsOfAnswersFromMemory(t *testing.T) {
	if build, ok := debug.ReadBuildInfo(); ok && slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("with the race detector on, a sync.Pool drops what it is given now and then")
	}
	s := newSchool(t)
	loads := &asking{Answers: s.api.answers}
	s.api.answers = loads
	for _, c := range []struct {
		name, target string
		status       int
		bound        float64
	}{
		{"point", "/v1/points/" + s.strokes.String(), http.StatusOK, 8},
		{"user", "/v1/users/" + s.bob.String(), http.StatusOK, 7},
		{"own user", "/v1/users/me", http.StatusOK, 7},
		{"goal", "/v1/goals/" + s.public.String(), http.StatusOK, 7},
		{"list", "/v1/users/" + s.ann.String() + "/goals?status=active&limit=20", http.StatusOK, 35},
		{"unchanged point", "/v1/points/" + s.strokes.String(), http.StatusNotModified, 8},
	} {
		known := s.caughtUp(c.target, s.as(s.ann))
		require.Equal(t, http.StatusOK, known.status, known.body)
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.target, nil)
		request.Header.Set("Authorization", "Bearer "+s.as(s.ann))
		if c.status == http.StatusNotModified {
			request.Header.Set("If-None-Match", known.header.Get("ETag"))
		}
		w := &discard{header: http.Header{}}
		s.eventually(func() error { // what was loaded is stored a little later
			before := loads.n
			if s.server.ServeHTTP(w, request); loads.n > before {
				return errors.New("not in memory yet")
			}
			return nil
		})
		before := loads.n
		allocated := testing.AllocsPerRun(2000, func() { // so many that the rest of the process does not count
			clear(w.header)
			s.server.ServeHTTP(w, request)
		})
		require.Equal(t, c.status, w.status, c.name)
		require.Equal(t, before, loads.n, "%s is not in memory", c.name)
		require.LessOrEqual(t, allocated, c.bound, c.name)
	}
}
