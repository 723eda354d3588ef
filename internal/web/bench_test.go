package web

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"

	"sical-backend/internal/telemetry"
)

// body of the benchmarks: 1 KB, as a cached view would be.
var kilobyte = []byte(bigBody[:1000])

func bareEcho() *echo.Echo {
	e := echo.New()
	e.GET("/v1/goals/:id", func(c echo.Context) error { return c.Blob(200, "application/json", kilobyte) })
	return e
}

func protectedEcho(b *testing.B) *echo.Echo {
	e := bareEcho()
	err := Protect(e, Config{
		Logger: slog.New(slog.DiscardHandler), Metrics: telemetry.NewHTTP(prometheus.NewRegistry()), Now: time.Now,
		Verify:        func(string) (Principal, error) { return alice, nil },
		RatePerSecond: 1 << 29, Burst: 1 << 30, Origins: []string{"https://app.example"},
	})
	if err != nil {
		b.Fatal(err)
	}
	return e
}

// stockEcho has Echo's own middleware for the same tasks, less tokens.
func stockEcho() *echo.Echo {
	e := bareEcho()
	e.Use(middleware.Recover(), middleware.RequestID(), middleware.Secure(), middleware.CORS(), middleware.Gzip(),
		middleware.RateLimiter(middleware.NewRateLimiterMemoryStore(1<<30)))
	return e
}

// The chain's own price: requests handed to the handler, no network.
func BenchmarkChain(b *testing.B) {
	for name, e := range map[string]*echo.Echo{"bare": bareEcho(), "protected": protectedEcho(b), "stock": stockEcho()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest("GET", "/v1/goals/0198c7a1-0000-7000-8000-00000000000a", nil)
			r.Header.Set("Authorization", "Bearer alice")
			r.Header.Set("Origin", "https://app.example")
			w := &discard{header: http.Header{}}
			for b.Loop() {
				clear(w.header)
				e.ServeHTTP(w, r)
			}
		})
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// The same over loopback, one keep-alive connection for each worker; the chain both over
// connections of Serve's and over plain ones. The CPU time is of both ends, and steadier
// than the clock on a shared machine.
func BenchmarkServed(b *testing.B) {
	for name, e := range map[string]*echo.Echo{
		"bare": bareEcho(), "protected": protectedEcho(b), "protected, plain": protectedEcho(b), "stock": stockEcho(),
	} {
		b.Run(name, func(b *testing.B) {
			server := httptest.NewUnstartedServer(nil)
			server.Config = NewServer(e, slog.New(slog.DiscardHandler))
			if name == "protected" {
				server.Listener = lighten(server.Config, server.Listener)
			}
			server.Start()
			defer server.Close()
			request := []byte("GET /v1/goals/0198c7a1-0000-7000-8000-00000000000a HTTP/1.1\r\nHost: a\r\n" +
				"Authorization: Bearer alice\r\nOrigin: https://app.example\r\n\r\n")
			b.SetParallelism(16)
			b.ReportAllocs() // of the server: the other end makes none
			before := cpuTime()
			b.RunParallel(func(pb *testing.PB) {
				conn, err := net.Dial("tcp", server.Listener.Addr().String())
				if err != nil {
					b.Error(err)
					return
				}
				defer func() { _ = conn.Close() }()
				answer := make([]byte, 4096)
				for pb.Next() {
					if _, err := conn.Write(request); err != nil {
						b.Error(err)
						return
					}
					if _, err := conn.Read(answer); err != nil { // short enough for one segment
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// cpuTime is what this process has used so far.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func BenchmarkCompression(b *testing.B) {
	for _, coding := range []string{"identity", codingGzip, codingZstd} {
		b.Run(coding, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(bigBody)))
			pool := newCompressor()
			e := echo.New()
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept-Encoding", coding)
			under := &discard{header: http.Header{}}
			for b.Loop() {
				clear(under.header)
				c := e.NewContext(r, under)
				w := pool.wrap(c)
				c.Response().Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(c.Response(), bigBody)
				if w != nil {
					_ = w.close()
				}
			}
		})
	}
}

func BenchmarkLimiter(b *testing.B) {
	l := NewLimiter(1<<29, 1<<30, time.Now())
	start := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Allow(alice.UserID[:], start)
		}
	})
}

func BenchmarkETag(b *testing.B) {
	b.SetBytes(int64(len(kilobyte)))
	for b.Loop() {
		ETag(7, kilobyte)
	}
}
