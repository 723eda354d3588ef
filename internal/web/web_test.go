package web

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/internal/testkit/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// api is a served API with a route for every kind of answer.
type api struct {
	*httptest.Server
	registry *prometheus.Registry
	log      *testkit.Log
}

var alice = Principal{UserID: uuid.MustParse("0198c7a1-0000-7000-8000-00000000000a"), Role: "learner"}

func testVerify(token string) (Principal, error) {
	switch token {
	case "alice":
		return alice, nil
	case "down":
		return Principal{}, NewProblem(Unavailable, "")
	}
	return Principal{}, errors.New("signature: secret detail")
}

// newAPI serves one where time stands still unless a test moves it: no request is slow,
// and so has a line in the log, because this machine is.
func newAPI(t testing.TB, adapt func(*Config)) *api {
	t.Helper()
	a, began := &api{registry: prometheus.NewRegistry(), log: &testkit.Log{}}, time.Now()
	cfg := Config{
		Logger: slog.New(slog.NewJSONHandler(a.log, nil)), Metrics: telemetry.NewHTTP(a.registry), Verify: testVerify,
		Now: func() time.Time { return began },
	}
	if adapt != nil {
		adapt(&cfg)
	}
	e := echo.New()
	require.NoError(t, Protect(e, cfg))
	routes(e)
	a.Server = httptest.NewUnstartedServer(nil)
	a.Config = NewServer(e, cfg.Logger)
	a.Listener = lighten(a.Config, a.Listener)
	a.Start()
	t.Cleanup(a.Close)
	return a
}

func routes(e *echo.Echo) {
	e.Match([]string{"GET", "HEAD"}, "/ok", func(c echo.Context) error { return c.JSONBlob(200, []byte(`{"ok":true}`)) })
	e.GET("/things/:id", func(c echo.Context) error { return c.NoContent(204) })
	e.POST("/things", func(c echo.Context) error {
		var into target
		if err := DecodeStrict(c.Request(), 1024, &into); err != nil {
			return err
		}
		return c.JSONBlob(201, []byte(`{}`))
	})
	e.GET("/me", func(c echo.Context) error {
		p, err := RequirePrincipal(c)
		if err != nil {
			return err
		}
		return c.String(200, p.UserID.String())
	})
	e.GET("/many/:n", func(c echo.Context) error {
		n, err := strconv.Atoi(c.Param("n"))
		if err == nil {
			err = Charge(c, n)
		}
		if err != nil {
			return err
		}
		return c.NoContent(204)
	})
	e.GET("/ip", func(c echo.Context) error { return c.String(200, c.RealIP()) })
	e.GET("/panic", func(c echo.Context) error { panic("canary in the panic") })
	e.GET("/sql", func(c echo.Context) error { return errors.New(`canary: duplicate key "users_pkey"`) })
	e.GET("/half", func(c echo.Context) error {
		c.Response().Header().Set("Content-Type", "text/plain")
		_, _ = c.Response().Write([]byte("half"))
		c.Response().Flush()
		return errors.New("the rest is lost")
	})
	e.GET("/endless", func(c echo.Context) error {
		for range 1 << 10 {
			if _, err := c.Response().Write(make([]byte, 1<<20)); err != nil {
				return err
			}
		}
		return nil
	})
	e.GET("/slow", func(c echo.Context) error {
		c.Response().WriteHeader(http.StatusOK)
		c.Response().Flush()
		if err := http.NewResponseController(c.Response()).SetWriteDeadline(time.Now()); err != nil {
			return err
		}
		_, err := c.Response().Write(make([]byte, 1<<20))
		return err
	})
	e.GET("/bind", func(c echo.Context) error { return c.Bind(&struct{}{}) })
	e.GET("/busy", func(c echo.Context) error {
		return &Problem{Code: Overloaded, RetryAfter: 1500 * time.Millisecond}
	})
	e.GET("/docs", func(c echo.Context) error {
		c.Response().Header().Set("Content-Security-Policy", "default-src 'self'")
		return c.HTML(200, "<p>")
	})
	e.GET("/big", func(c echo.Context) error {
		c.Response().Header().Set("ETag", `"7.abc"`)
		if NotModified(c.Request().Header["If-None-Match"], `"7.abc"`) {
			c.Response().Header().Set("ETag", CodedETag(c.Request(), `"7.abc"`, len(bigBody)))
			return c.NoContent(304)
		}
		return c.JSONBlob(200, []byte(bigBody))
	})
}

var bigBody = `{"text":"` + strings.Repeat("learning ", 500) + `"}`

// do sends a request as it is: no coding is added or undone, no redirect followed.
func (a *api) do(t testing.TB, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, a.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	a.Client().Transport.(*http.Transport).DisableCompression = true
	resp, err := a.Client().Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(b)
}

// problem sends a request and reads the problem it is answered with.
// problemBody is what a client reads of a Problem.
type problemBody struct {
	Type     string       `json:"type"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail,omitempty"`
	Instance string       `json:"instance,omitempty"`
	Code     Code         `json:"code"`
	Errors   []FieldError `json:"errors,omitempty"`
}

func (a *api) problem(t testing.TB, method, path, body string, headers ...string) (*http.Response, problemBody) {
	t.Helper()
	resp, text := a.do(t, method, path, body, headers...)
	require.Equal(t, ProblemType, resp.Header.Get("Content-Type"), text)
	var p problemBody
	require.NoError(t, json.Unmarshal([]byte(text), &p))
	require.Equal(t, resp.StatusCode, p.Status)
	require.Equal(t, resp.Header.Get("X-Request-Id"), p.Instance)
	require.Equal(t, "urn:sical:problem:"+string(p.Code), p.Type)
	return resp, p
}
