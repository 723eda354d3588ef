package web

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
)

// served starts a server over the connections of this package, or over plain ones, or others.
func served(t *testing.T, light bool, adapt func(*echo.Echo, *http.Server), others ...func(*httptest.Server)) *httptest.Server {
	t.Helper()
	e := echo.New()
	require.NoError(t, Protect(e, Config{
		Logger: slog.New(slog.DiscardHandler), Metrics: telemetry.NewHTTP(prometheus.NewRegistry()), Now: time.Now,
		Verify: testVerify, RatePerSecond: 1, Burst: 1000, Origins: []string{"https://app.example"},
	}))
	routes(e)
	s := httptest.NewUnstartedServer(nil)
	s.Config = NewServer(e, slog.New(slog.DiscardHandler))
	if adapt != nil {
		adapt(e, s.Config)
	}
	if light {
		s.Listener = lighten(s.Config, s.Listener)
	}
	for _, o := range others {
		o(s)
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func dial(t *testing.T, s *httptest.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	return c
}

// exchange sends a raw request and reads one answer.
func exchange(t *testing.T, s *httptest.Server, method, raw string) (*http.Response, string) {
	t.Helper()
	c := dial(t, s)
	_, err := c.Write([]byte(raw))
	require.NoError(t, err)
	a, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	require.NoError(t, err)
	defer func() { _ = a.Body.Close() }()
	body, _ := io.ReadAll(a.Body) // ends early where the answer is broken off: the same over both
	return a, string(body)
}

// Whatever is answered, it is the same as over connections that net/http has alone.
func TestAnswersAreThoseOfPlainConnections(t *testing.T) {
	t.Parallel()
	more := func(e *echo.Echo, _ *http.Server) {
		e.GET("/nothing", func(echo.Context) error { return nil })
		e.GET("/injected", func(c echo.Context) error {
			c.Response().Header().Set("X-Echo", "a\r\nX-Forged: b")
			c.Response().Header()["X-Twice"] = []string{"1", "2"}
			return c.NoContent(http.StatusOK)
		})
		e.GET("/streamed", func(c echo.Context) error {
			c.Response().Header().Set("X-Streamed", "yes")
			for range 3 {
				c.Response().Flush()
				_, _ = c.Response().Write([]byte(strings.Repeat("x", 3000)))
			}
			return nil
		})
		e.GET("/typed", func(c echo.Context) error {
			return c.Blob(http.StatusOK, "application/x-own", []byte("a\r\nContent-Type: text/html\r\n\r\nb"))
		})
		e.GET("/typed/:status", func(c echo.Context) error {
			status, _ := strconv.Atoi(c.Param("status"))
			c.Response().Header()["Content-Type"] = []string{"application/x-own", "application/x-other"}[:1+status%2]
			return c.NoContent(status)
		})
		e.GET("/trailer", func(c echo.Context) error {
			c.Response().Header().Set("Trailer", "X-Sum")
			_, err := c.Response().Write([]byte("body"))
			return err
		})
	}
	light, plain := served(t, true, more), served(t, false, more)
	for _, path := range []string{
		"/ok", "/things/1", "/me", "/panic", "/sql", "/half", "/busy", "/docs", "/big", "/nowhere", "/nothing", "/injected", "/streamed", "/trailer",
		"/typed", "/typed/200", "/typed/201", "/typed/204", "/typed/304",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS"} {
			for _, rest := range []string{
				"HTTP/1.1\r\nHost: a\r\n", "HTTP/1.0\r\nHost: a\r\n", "HTTP/1.0\r\nConnection: keep-alive\r\n",
				"HTTP/1.1\r\nHost: a\r\nConnection: close\r\nOrigin: https://app.example\r\n",
				"HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nIf-None-Match: \"7.abc\"\r\n",
				"HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer alice\r\nAccept-Encoding: zstd\r\n",
				"HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n",
			} {
				raw := method + " " + path + " " + rest + "X-Request-ID: same\r\n\r\n"
				if strings.Contains(rest, "100-continue") {
					raw += "{}"
				}
				got, body := exchange(t, light, method, raw)
				want, wantBody := exchange(t, plain, method, raw)
				got.Header.Del("Date")
				want.Header.Del("Date")
				if got.Header.Get("Ratelimit") != "" && want.Header.Get("Ratelimit") != "" {
					got.Header.Del("Ratelimit")
					want.Header.Del("Ratelimit")
				}
				require.Equal(t, want.Status, got.Status, raw)
				require.Equal(t, want.Header, got.Header, raw)
				require.Equal(t, want.TransferEncoding, got.TransferEncoding, raw)
				require.Equal(t, want.ContentLength, got.ContentLength, raw)
				require.Equal(t, want.Close, got.Close, raw)
				require.Equal(t, wantBody, body, raw)
			}
		}
	}
}

// Requests that come in one piece get their own lines each.
func TestPipelinedRequestsAreAnsweredApart(t *testing.T) {
	t.Parallel()
	c := dial(t, served(t, true, nil))
	var all bytes.Buffer
	for i := range 50 {
		fmt.Fprintf(&all, "GET %s HTTP/1.1\r\nHost: a\r\nX-Request-ID: id-%d\r\n\r\n", []string{"/ok", "/big", "/nowhere"}[i%3], i)
	}
	_, err := c.Write(all.Bytes())
	require.NoError(t, err)
	in := bufio.NewReader(c)
	for i := range 50 {
		a, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, a.Body)
		require.NoError(t, err)
		require.Equal(t, []string{fmt.Sprint("id-", i)}, a.Header["X-Request-Id"])
		require.Equal(t, []string{"nosniff"}, a.Header["X-Content-Type-Options"])
	}
}

// Slow clients are cut off as the server's bounds say, although its connections seldom
// hear of them.
func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	written := make(chan error, 100)
	s := served(t, true, func(e *echo.Echo, s *http.Server) {
		s.ReadHeaderTimeout, s.ReadTimeout = 100*time.Millisecond, 200*time.Millisecond
		s.WriteTimeout, s.IdleTimeout = 300*time.Millisecond, 400*time.Millisecond
		e.GET("/endless", func(c echo.Context) error {
			piece := make([]byte, 1<<20)
			for {
				if _, err := c.Response().Write(piece); err != nil {
					written <- err
					return nil
				}
			}
		})
	})
	for name, raw := range map[string]string{
		"half a header": "GET /ok HTTP/1.1\r\nHost:",
		"half a body":   "POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
		"idle":          "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n",
		"nothing":       "",
	} {
		c := dial(t, s)
		_, _ = c.Write([]byte(raw)) // too late already, where the machine is busy
		_, err := io.ReadAll(c)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, name+": the server ends the connection, one way or the other")
	}
	testkit.Eventually(t, func() error {
		_, _ = dial(t, s).Write([]byte("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"))
		select {
		case err := <-written:
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			return nil
		case <-time.After(5 * time.Second):
			return errors.New("the request was too late, or is answered for ever")
		}
	})
}

// below is what a deadline sets.
type below struct{ set []time.Time }

func (b *below) SetDeadline(t time.Time) error {
	b.set = append(b.set, t)
	return nil
}

func TestDeadlineOfManyCallsIsSetOnce(t *testing.T) {
	t.Parallel()
	var b below
	d := deadline{set: b.SetDeadline}
	for range 100 {
		for _, in := range []time.Duration{time.Minute, glance, 2 * glance, time.Hour} {
			require.NoError(t, d.move(time.Now().Add(in)))
			require.NoError(t, d.do(func() error { return nil }))
		}
		require.NoError(t, d.move(time.Time{}))
	}
	require.Len(t, b.set, 1)
}

func TestDeadlineThatPassesTooEarlyIsSetAnew(t *testing.T) {
	t.Parallel()
	var b below
	d := deadline{set: b.SetDeadline}
	later := time.Now().Add(time.Hour)
	require.NoError(t, d.move(later))
	calls := 0
	require.NoError(t, d.do(func() error {
		if calls++; calls < 3 {
			return os.ErrDeadlineExceeded // as when the one in force passes
		}
		return nil
	}))
	require.Equal(t, 3, calls)
	require.Len(t, b.set, 3)
	require.True(t, b.set[2].Before(later))

	require.NoError(t, d.move(time.Time{}))
	calls = 0
	require.NoError(t, d.do(func() error {
		if calls++; calls < 2 {
			return os.ErrDeadlineExceeded
		}
		return nil
	}))
	require.True(t, b.set[3].IsZero(), "none is asked for")
}

func TestDeadlineThatHasPassed(t *testing.T) {
	t.Parallel()
	var b below
	d := deadline{set: b.SetDeadline}
	require.NoError(t, d.move(time.Unix(1, 0)))
	require.ErrorIs(t, d.do(func() error { panic("not called") }), os.ErrDeadlineExceeded)
	require.Empty(t, b.set)

	require.NoError(t, d.move(time.Time{}))
	require.ErrorIs(t, d.do(func() error {
		require.NoError(t, d.move(time.Unix(1, 0)), "by another, while the call waits")
		require.Equal(t, []time.Time{time.Unix(1, 0)}, b.set, "it hears at once")
		return os.ErrDeadlineExceeded
	}), os.ErrDeadlineExceeded)
}

func TestDeadlineThatIsHalted(t *testing.T) {
	t.Parallel()
	var b below
	d := deadline{set: b.SetDeadline}
	d.halt(true)
	require.ErrorIs(t, d.do(func() error { panic("not called") }), os.ErrDeadlineExceeded)
	d.halt(false)
	require.NoError(t, d.do(func() error { return nil }))
	require.Empty(t, b.set)
}
