package admin

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/web"
)

func consoleServer() *echo.Echo {
	e := echo.New()
	e.HTTPErrorHandler = web.ErrorHandler(slog.New(slog.DiscardHandler))
	RegisterConsole(e)
	e.POST("/admin/change", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	return e
}

// TestConsoleFiles: every file of the page is served as what it is, under a policy that
// takes nothing from elsewhere.
func TestConsoleFiles(t *testing.T) {
	t.Parallel()
	e := consoleServer()
	for path, media := range map[string]string{
		"/console": "text/html", "/console/app.js": "text/javascript", "/console/style.css": "text/css", "/console/icon.svg": "image/svg+xml",
	} {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, http.StatusOK, w.Code, path)
		assert.Contains(t, w.Header().Get("Content-Type"), media)
		assert.Contains(t, w.Header().Get("Content-Security-Policy"), "script-src 'self'")
		assert.NotContains(t, w.Header().Get("Content-Security-Policy"), "unsafe")
		again := httptest.NewRequest(http.MethodGet, path, nil)
		again.Header.Set("If-None-Match", w.Header().Get("ETag"))
		w = httptest.NewRecorder()
		e.ServeHTTP(w, again)
		assert.Equal(t, http.StatusNotModified, w.Code, path)
	}
}

// TestSameSite: only programs and the listener's own page change anything, and nobody
// reads in a browser by having a name of theirs lead here.
func TestSameSite(t *testing.T) {
	t.Parallel()
	e := consoleServer()
	for _, c := range []struct {
		host, origin, site string
		status             int
	}{
		{host: "127.0.0.1:9090", status: http.StatusOK}, // a program
		{host: "sical.example.com", status: http.StatusOK},
		{host: "127.0.0.1:9090", origin: "http://127.0.0.1:9090", site: "same-origin", status: http.StatusOK},
		{host: "[::1]:9090", origin: "http://[::1]:9090", status: http.StatusOK},
		{host: "localhost:9090", origin: "http://localhost:9090", site: "same-origin", status: http.StatusOK},
		{host: "sical.prod.svc.cluster.local:9090", origin: "http://sical.prod.svc.cluster.local:9090", status: http.StatusOK},
		{host: "127.0.0.1:9090", origin: "https://evil.example", site: "cross-site", status: http.StatusForbidden},
		{host: "127.0.0.1:9090", origin: "https://evil.example", status: http.StatusForbidden},
		{host: "127.0.0.1:9090", origin: "http://127.0.0.1:8080", site: "same-site", status: http.StatusForbidden},
		{host: "127.0.0.1:9090", origin: "null", status: http.StatusForbidden},
		{host: "rebound.evil.example:9090", origin: "http://rebound.evil.example:9090", status: http.StatusForbidden},
	} {
		r := httptest.NewRequest(http.MethodPost, "/admin/change", nil)
		r.Host = c.host
		for name, value := range map[string]string{"Origin": c.origin, "Sec-Fetch-Site": c.site} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		assert.Equal(t, c.status, w.Code, "%+v", c)
	}
	for header, value := range map[string]string{ // a page can keep all but the last from being sent
		"Referer": "http://rebound.evil.example:9090/", "Sec-Fetch-Site": "same-origin", "Accept-Language": "",
	} {
		for host, status := range map[string]int{"rebound.evil.example:9090": http.StatusForbidden, "127.0.0.1:9090": http.StatusOK} {
			r := httptest.NewRequest(http.MethodGet, "/console", nil)
			r.Host = host
			r.Header.Set(header, value)
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			assert.Equal(t, status, w.Code, "%s at %s", header, host)
		}
	}
}

// TestChainOf: what shares a request or a command belongs together, as does what one
// caused, however far; nothing else.
func TestChainOf(t *testing.T) {
	t.Parallel()
	ids := make([]events.ID, 8)
	for i := range ids {
		ids[i] = uuid.New()
	}
	metas := []events.Meta{
		{Correlation: "a"}, {Correlation: "b"}, {Correlation: "a"}, {Causation: ids[2], Command: ids[7]},
		{Command: ids[7]}, {Causation: ids[4]}, {}, {},
	}
	var list []events.Event
	for i, meta := range metas {
		raw, err := json.Marshal(meta)
		require.NoError(t, err)
		list = append(list, events.Event{Position: uint64(i + 1), ID: ids[i], RawMeta: raw})
	}
	positions := func(at uint64) (found []uint64) {
		for _, e := range chainOf(list, at) {
			found = append(found, e.Position)
		}
		return found
	}
	for _, at := range []uint64{1, 3, 4, 5, 6} {
		assert.Equal(t, []uint64{1, 3, 4, 5, 6}, positions(at), "at %d", at)
	}
	assert.Equal(t, []uint64{2}, positions(2))
	assert.Equal(t, []uint64{7}, positions(7), "no metadata links to nothing")
	assert.Empty(t, positions(9))
}

// TestNearest: of a chain that is too long, what is shown has the event in it.
func TestNearest(t *testing.T) {
	t.Parallel()
	list := make([]events.Event, 3*maxRelated)
	for i := range list {
		list[i].Position = uint64(i + 1)
	}
	for _, at := range []uint64{1, maxRelated, 3 * maxRelated} {
		found := nearest(list, at)
		require.Len(t, found, maxRelated)
		assert.True(t, found[0].Position <= at && at <= found[len(found)-1].Position, fmt.Sprint(at))
	}
}
