package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// discard is an http.ResponseWriter that keeps the status alone.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// BenchmarkAnswer is a whole request without the network, its answer in memory.
func BenchmarkAnswer(b *testing.B) {
	s := newSchool(b)
	for name, target := range map[string]string{
		"point": "/v1/points/" + s.strokes.String(),
		"goal":  "/v1/goals/" + s.public.String(),
		"list":  "/v1/users/" + s.ann.String() + "/goals?status=active&limit=20",
	} {
		b.Run(name, func(b *testing.B) {
			request := httptest.NewRequest(http.MethodGet, target, nil)
			request.Header.Set("Authorization", "Bearer "+s.as(s.ann))
			b.ReportAllocs()
			for b.Loop() {
				w := &discard{header: http.Header{}}
				s.server.ServeHTTP(w, request)
				if w.status != http.StatusOK {
					b.Fatal(w.status)
				}
			}
		})
	}
}
