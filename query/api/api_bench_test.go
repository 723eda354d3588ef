package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/loadtest"
	"sical-backend/query"
)

// discard is an http.ResponseWriter that keeps the status alone.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// BenchmarkAnswer is a whole request without net/http, its answer in memory. Of what it
// allocates the writer and its header are the benchmark's own.
func BenchmarkAnswer(b *testing.B) {
	s := newSchool(b)
	for _, c := range []struct {
		name, target string
		status       int
	}{
		{"point", "/v1/points/" + s.strokes.String(), http.StatusOK},
		{"user", "/v1/users/" + s.bob.String(), http.StatusOK},
		{"own user", "/v1/users/me", http.StatusOK},
		{"goal", "/v1/goals/" + s.public.String(), http.StatusOK},
		{"list", "/v1/users/" + s.ann.String() + "/goals?status=active&limit=20", http.StatusOK},
		{"unchanged point", "/v1/points/" + s.strokes.String(), http.StatusNotModified},
	} {
		b.Run(c.name, func(b *testing.B) {
			request := httptest.NewRequest(http.MethodGet, c.target, nil)
			request.Header.Set("Authorization", "Bearer "+s.as(s.ann))
			if c.status == http.StatusNotModified {
				request.Header.Set("If-None-Match", s.get(c.target, s.as(s.ann)).header.Get("ETag"))
			}
			b.ReportAllocs()
			for b.Loop() {
				w := &discard{header: http.Header{}}
				s.server.ServeHTTP(w, request)
				if w.status != c.status {
					b.Fatal(w.status)
				}
			}
		})
	}
}

// BenchmarkByID reads lists by ids from the tables: all twenty members, as is done whichever of
// them are in memory, and the one that would be missing if nineteen were taken from there.
// The difference is the most that could be saved so.
func BenchmarkByID(b *testing.B) {
	s := newSchool(b)
	var points, goals, users []events.ID
	for i := range 20 {
		points = append(points, long(s.world))
		goals = append(goals, s.begin(s.ann, events.KindGoal, &events.GoalCreated{
			Title: "Read", Visibility: events.Public, Paths: []events.ID{s.course},
		}))
		users = append(users, s.register("learner"+strconv.Itoa(i)))
	}
	s.project()
	nobody := query.Viewer{}
	for _, list := range []struct {
		name     string
		all, one query.Question
	}{
		{"points", s.answerer.PointsByID(points), s.answerer.PointsByID(points[:1])},
		{"goals", s.answerer.GoalsByID(nobody, goals), s.answerer.GoalsByID(nobody, goals[:1])},
		{"users", s.answerer.UsersByID(nobody, users), s.answerer.UsersByID(nobody, users[:1])},
	} {
		for name, q := range map[string]query.Question{"all": list.all, "missing": list.one} {
			b.Run(list.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_, err := s.answerer.Answer(b.Context(), q)
					require.NoError(b, err)
				}
			})
		}
	}
}

// BenchmarkServed is the same over loopback, and beside it a bare Echo handler that
// serves the same bytes from ristretto. Its processor time is of both ends: see
// cmd/sical for that of the server alone. It is here to be profiled.
func BenchmarkServed(b *testing.B) {
	s := newSchool(b)
	target := "/v1/points/" + s.strokes.String()
	body := []byte(s.get(target, s.as(s.ann)).body)
	store, err := ristretto.NewCache(&ristretto.Config[string, []byte]{NumCounters: 1000, MaxCost: 1 << 20, BufferItems: 64})
	require.NoError(b, err)
	b.Cleanup(store.Close)
	store.Set(target, body, 1)
	store.Wait()
	bare := echo.New()
	bare.GET("/v1/points/:id", func(c echo.Context) error {
		kept, _ := store.Get(c.Request().URL.Path)
		return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, kept)
	})
	for name, handler := range map[string]http.Handler{"bare": bare, "whole": s.server} {
		b.Run(name, func(b *testing.B) {
			server := httptest.NewServer(handler)
			defer server.Close()
			before := spent(b)
			r, err := loadtest.Load{
				URL: server.URL, Connections: 64, Duration: loadtest.MaxDuration, Units: b.N,
				Work: func(ctx context.Context, c *loadtest.Conn, _ loadtest.Unit) error {
					_, err := c.Do(ctx, loadtest.Request{Method: http.MethodGet, Path: target, Token: s.as(s.ann)})
					return err
				},
			}.Run(b.Context())
			require.NoError(b, err)
			require.NoError(b, r.Err)
			b.ReportMetric(float64((spent(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// spent is the processor time of this process so far.
func spent(b *testing.B) time.Duration {
	b.Helper()
	tree, err := loadtest.Tree(os.Getpid())
	require.NoError(b, err)
	return tree[0].CPU
}

// BenchmarkRefusal is a whole request without the network that is refused as overloaded.
func BenchmarkRefusal(b *testing.B) {
	s := newSchool(b)
	release := s.holdConnections()
	ctx, cancel := context.WithCancel(b.Context())
	var asking sync.WaitGroup
	room := s.room()
	for i := range room {
		asking.Go(func() {
			for ctx.Err() == nil { // a load is given up after a while
				s.get(filling(i), "")
			}
		})
	}
	b.Cleanup(func() { cancel(); release(); asking.Wait() })
	alone, _, _ := s.answerer.Loads()
	s.underWay(room, alone)
	request := httptest.NewRequest(http.MethodGet, "/v1/goals?q=goal&limit=100", nil)
	request.Header.Set("Authorization", "Bearer "+s.as(s.ann))
	b.ReportAllocs()
	w := &discard{header: http.Header{}}
	for b.Loop() {
		clear(w.header)
		s.server.ServeHTTP(w, request)
		if w.status != http.StatusServiceUnavailable {
			b.Fatal(w.status)
		}
	}
}
