package web

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
)

// TestRefusalsShareALine: whoever is refused as overloaded is counted, and told of once
// a second; other failures have a line each.
func TestRefusalsShareALine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		e := echo.New()
		e.HTTPErrorHandler = ErrorHandler(slog.New(slog.NewJSONHandler(&out, nil)))
		code := Overloaded
		e.GET("/busy", func(echo.Context) error {
			return &Problem{Code: code, RetryAfter: 1500 * time.Millisecond}
		})
		for range 100 {
			w := httptest.NewRecorder()
			e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/busy", nil))
			require.Equal(t, http.StatusServiceUnavailable, w.Code)
			require.Equal(t, "2", w.Header().Get("Retry-After"))
			time.Sleep(25 * time.Millisecond)
		}
		code = Unavailable
		for range 2 {
			e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/busy", nil))
		}
		var refused []int
		others := 0
		for line := range bytes.Lines(out.Bytes()) {
			var l struct {
				Msg     string `json:"msg"`
				Refused int    `json:"refused"`
			}
			require.NoError(t, json.Unmarshal(line, &l))
			if l.Msg == "request failed" {
				others++
				continue
			}
			refused = append(refused, l.Refused)
		}
		require.Equal(t, []int{1, 40, 40}, refused)
		require.Equal(t, 2, others)
	})
}
