package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/telemetry"
)

func TestEveryStatusCarriesTheHeaders(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(c *Config) { c.RatePerSecond, c.Burst = 500, 1000 })
	cases := []struct {
		method, path, body string
		headers            []string
		status             int
	}{
		{"GET", "/ok", "", nil, 200},
		{"HEAD", "/ok", "", nil, 200},
		{"POST", "/things", "{}", []string{"Content-Type", "application/json"}, 201},
		{"GET", "/things/1", "", nil, 204},
		{"OPTIONS", "/ok", "", nil, 204},
		{"GET", "/big", "", []string{"If-None-Match", `"7.abc"`}, 304},
		{"POST", "/things", "{", []string{"Content-Type", "application/json"}, 400},
		{"GET", "/me", "", nil, 401},
		{"GET", "/ok", "", []string{"Authorization", "Bearer forged"}, 401},
		{"GET", "/nowhere", "", nil, 404},
		{"HEAD", "/nowhere", "", nil, 404},
		{"PUT", "/ok", "", nil, 405},
		{"TRACE", "/ok", "", nil, 405},
		{"BREW", "/ok", "", nil, 405},
		{"POST", "/things", strings.Repeat(" ", 2000), []string{"Content-Type", "application/json"}, 413},
		{"GET", "/ok?" + strings.Repeat("x", 9000), "", nil, 414},
		{"POST", "/things", "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"GET", "/panic", "", nil, 500},
		{"GET", "/sql", "", nil, 500},
		{"GET", "/bind", "", nil, 500},
		{"GET", "/busy", "", nil, 503},
		{"GET", "/ok", "", []string{"Authorization", "Bearer down"}, 503},
	}
	for _, c := range cases {
		resp, text := a.do(t, c.method, c.path, c.body, c.headers...)
		name := fmt.Sprint(c.method, " ", c.path[:min(len(c.path), 20)], " ", c.status)
		require.Equal(t, c.status, resp.StatusCode, name)
		require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"), name)
		require.Equal(t, "default-src 'none'; frame-ancestors 'none'", resp.Header.Get("Content-Security-Policy"), name)
		require.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"), name)
		require.Equal(t, "Accept-Encoding, Authorization, Sical-Min-Position", resp.Header.Get("Vary"), name)
		require.True(t, saneRequestID(resp.Header.Get("X-Request-Id")), name)
		require.NotContains(t, text, "canary", name)
		if c.status >= 400 {
			require.Equal(t, ProblemType, resp.Header.Get("Content-Type"), name)
			require.Equal(t, "no-store", resp.Header.Get("Cache-Control"), name)
			require.Equal(t, c.method == "HEAD", text == "", name)
		}
		switch c.status {
		case 401:
			require.Contains(t, resp.Header.Get("WWW-Authenticate"), "Bearer", name)
		case 405:
			require.Contains(t, resp.Header.Get("Allow"), "GET", name)
		case 503:
			require.NotEmpty(t, resp.Header.Get("Retry-After"), name)
		}
	}
}

func TestErrorsReachTheLogOnceAndNotTheClient(t *testing.T) {
	t.Parallel()
	a := newAPI(t, nil)
	resp, p := a.problem(t, "GET", "/sql", "")
	require.Equal(t, Internal, p.Code)
	require.Empty(t, p.Detail)
	log := a.log.String()
	require.Equal(t, 1, strings.Count(log, "\n"), log)
	require.Contains(t, log, "users_pkey")
	require.Contains(t, log, resp.Header.Get("X-Request-Id"))

	_, p = a.problem(t, "GET", "/panic", "")
	require.Equal(t, Internal, p.Code)
	log = a.log.String()
	require.Contains(t, log, "canary in the panic")
	require.Contains(t, log, "web_test.go", "the stack")
	require.InDelta(t, 1, a.value(t, "sical_http_panics_total"), 0)

	resp, p = a.problem(t, "GET", "/busy", "")
	require.Equal(t, "2", resp.Header.Get("Retry-After"), "rounded up")
	require.Equal(t, Overloaded, p.Code)
	require.InDelta(t, 1, a.value(t, "sical_shed_total"), 0)
}

// Half an answer whose handler fails must not arrive as a whole one.
func TestBrokenAnswerIsCut(t *testing.T) {
	t.Parallel()
	a := newAPI(t, nil)
	resp, err := a.Client().Get(a.URL + "/half")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	_, err = resp.Body.Read(make([]byte, 4))
	require.NoError(t, err)
	_, err = resp.Body.Read(make([]byte, 1))
	require.ErrorContains(t, err, "unexpected EOF")
}

// What a client does not wait for is no failure of the server's, and is counted as
// such: nor where it takes an answer too slowly.
func TestAnswersThatClientsBreakOff(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/endless", "/slow"} {
		a := newAPI(t, nil)
		c := dial(t, a.Server)
		_, err := c.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"))
		require.NoError(t, err)
		_, err = io.ReadFull(c, make([]byte, 16)) // the answer has begun
		require.NoError(t, err)
		if path == "/endless" {
			require.NoError(t, c.(*net.TCPConn).SetLinger(0))
			require.NoError(t, c.Close())
		}
		a.Close() // which waits for the request
		require.InDelta(t, 1, a.value(t, "http_requests_total", "method", "GET", "endpoint", path, "status", "499"), 0)
		require.Empty(t, a.log.String())
	}
}

func TestProblemOf(t *testing.T) {
	t.Parallel()
	here, _ := http.NewRequest("GET", "/", nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	gone := here.WithContext(ctx)
	cases := []struct {
		err  error
		r    *http.Request
		want Code
	}{
		{NewProblem(Conflict, ""), here, Conflict},
		{fmt.Errorf("append: %w", NewProblem(Conflict, "")), here, Conflict},
		{&echo.HTTPError{Code: 418}, here, BadRequest},
		{&echo.HTTPError{Code: 502}, here, Internal},
		{echo.ErrNotFound, here, NotFound},
		{&http.MaxBytesError{}, here, TooLarge},
		{fmt.Errorf("q: %w", context.DeadlineExceeded), here, Unavailable},
		{context.Canceled, here, Unavailable},
		{context.Canceled, gone, ClientClosedRequest},
		{&pgconn.PgError{Code: "57014"}, gone, ClientClosedRequest},
		{&pgconn.PgError{Code: "57014"}, here, Unavailable},
		{fmt.Errorf("q: %w", &pgconn.PgError{Code: "53300"}), here, Unavailable},
		{&pgconn.PgError{Code: "40001"}, here, Unavailable},
		{&pgconn.PgError{Code: "53100"}, here, Unavailable},
		{&pgconn.PgError{Code: "23505"}, here, Internal},
		{&pgconn.PgError{Code: "23505"}, gone, Internal},
		{&pgconn.PgError{}, here, Internal},
		{&pgconn.ConnectError{}, here, Unavailable},
		{fmt.Errorf("q: %w", &net.OpError{Op: "read", Err: syscall.ECONNRESET}), here, Unavailable},
		{fmt.Errorf("q: %w", io.ErrUnexpectedEOF), here, Unavailable},
		{fmt.Errorf("x"), here, Internal},
		{fmt.Errorf("x"), gone, Internal},
		{&Problem{Code: "made_up"}, here, "made_up"},
	}
	for _, c := range cases {
		require.Equal(t, c.want, problemOf(c.err, c.r).Code, "%v", c.err)
		require.Equal(t, c.want == Internal, Unforeseen(c.err), "%v", c.err)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	a := newAPI(t, nil)
	resp, _ := a.do(t, "GET", "/ok", "", "X-Request-ID", "abc-1.2_Z")
	require.Equal(t, "abc-1.2_Z", resp.Header.Get("X-Request-ID"))
	for _, bad := range []string{"a b", "é", strings.Repeat("x", 65), "a;b", `a"`, "<script>"} {
		resp, _ = a.do(t, "GET", "/ok", "", "X-Request-ID", bad)
		require.NotEqual(t, bad, resp.Header.Get("X-Request-ID"))
		require.NotEmpty(t, resp.Header.Get("X-Request-ID"))
	}
}

func TestPageBringsItsOwnPolicy(t *testing.T) {
	t.Parallel()
	resp, _ := newAPI(t, nil).do(t, "GET", "/docs", "")
	require.Equal(t, "default-src 'self'", resp.Header.Get("Content-Security-Policy"))
	require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	told := func(a *api) int { return strings.Count(a.log.String(), `"X-Forwarded-For is not believed`) }
	plain := newAPI(t, nil)
	plain.do(t, "GET", "/ip", "")
	require.Zero(t, told(plain))
	for range 2 {
		_, ip := plain.do(t, "GET", "/ip", "", "X-Forwarded-For", "203.0.113.7", "X-Real-IP", "203.0.113.8")
		require.Equal(t, "127.0.0.1", ip, "nobody is believed unless named")
	}
	require.Equal(t, 1, told(plain), "and once it is told")
	behind := newAPI(t, func(c *Config) { c.TrustedProxies = []string{"10.0.0.0/8", "127.0.0.0/8"} })
	_, ip := behind.do(t, "GET", "/ip", "", "X-Forwarded-For", "1.1.1.1, 203.0.113.7")
	require.Equal(t, "203.0.113.7", ip, "the nearest the proxy did not make up")
	require.Zero(t, told(behind))
	elsewhere := newAPI(t, func(c *Config) { c.TrustedProxies = []string{"10.0.0.0/8"} })
	_, ip = elsewhere.do(t, "GET", "/ip", "", "X-Forwarded-For", "203.0.113.7")
	require.Equal(t, "127.0.0.1", ip)
	require.Equal(t, 1, told(elsewhere))
}

func TestProtectRefusesBadConfig(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"*", "null", "https://a.example/", "https://A.example", "a.example", "https://", ""} {
		require.Error(t, Protect(echo.New(), Config{Origins: []string{origin}, Metrics: telemetry.NewHTTP(prometheus.NewRegistry()), Now: time.Now}), origin)
		require.ErrorContains(t, CheckOrigin(origin), "lower case", origin)
	}
	require.Error(t, Protect(echo.New(), Config{TrustedProxies: []string{"10.0.0.1"}, Metrics: telemetry.NewHTTP(prometheus.NewRegistry()), Now: time.Now}))
}

func TestCORS(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(c *Config) { c.Origins = []string{"https://app.example", "http://localhost:5173"} })
	resp, _ := a.do(t, "GET", "/ok", "", "Origin", "https://app.example")
	require.Equal(t, "https://app.example", resp.Header.Get("Access-Control-Allow-Origin"))
	require.ElementsMatch(t, []string{"ETag", "Location", "Link", "Sical-Position", "Sical-Parked", "RateLimit", "RateLimit-Policy", "Retry-After",
		"X-Request-ID", "traceparent", "Idempotent-Replayed"}, strings.Split(resp.Header.Get("Access-Control-Expose-Headers"), ", "))
	require.Contains(t, resp.Header.Get("Vary"), "Origin")
	require.Empty(t, resp.Header.Get("Access-Control-Allow-Credentials"))

	resp, _ = a.do(t, "OPTIONS", "/things", "", "Origin", "http://localhost:5173", "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "authorization,content-type,idempotency-key")
	require.Equal(t, 204, resp.StatusCode)
	require.Equal(t, "http://localhost:5173", resp.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, resp.Header.Get("Access-Control-Allow-Methods"), "PATCH")
	for _, name := range []string{"Idempotency-Key", "Last-Event-ID"} {
		require.Contains(t, resp.Header.Get("Access-Control-Allow-Headers"), name)
	}

	for _, origin := range []string{"null", "https://app.example.evil", "https://evil-app.example", "http://app.example",
		"https://app.example:8443", "https://APP.example", "https://app.example/"} {
		for _, method := range []string{"GET", "OPTIONS"} {
			resp, _ = a.do(t, method, "/ok", "", "Origin", origin, "Access-Control-Request-Method", "GET")
			require.Empty(t, resp.Header.Get("Access-Control-Allow-Origin"), origin)
			require.Empty(t, resp.Header.Get("Access-Control-Allow-Methods"), origin)
			require.Contains(t, resp.Header.Get("Vary"), "Origin")
		}
	}
	resp, p := a.problem(t, "GET", "/nowhere", "", "Origin", "https://app.example")
	require.Equal(t, NotFound, p.Code)
	require.NotEmpty(t, resp.Header.Get("Access-Control-Allow-Origin"), "scripts must be able to read refusals")
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	var now, took atomic.Int64
	a := newAPI(t, func(c *Config) {
		c.Now = func() time.Time { return time.Unix(0, now.Add(took.Load())) }
	})
	a.do(t, "GET", "/things/secret-id?ticket=secret", "")
	require.Empty(t, a.log.String(), "neither slow nor failed")
	took.Store(int64(400 * time.Millisecond))
	a.do(t, "GET", "/things/secret-id?ticket=secret", "")
	require.Empty(t, a.log.String())
	took.Store(int64(500 * time.Millisecond))
	a.do(t, "GET", "/things/secret-id?ticket=secret", "")
	require.Contains(t, a.log.String(), `"endpoint":"/things/:id"`)
	require.NotContains(t, a.log.String(), "secret")
}
