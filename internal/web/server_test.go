package web

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

func TestServerBounds(t *testing.T) {
	t.Parallel()
	s := NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	require.Equal(t, 5*time.Second, s.ReadHeaderTimeout)
	require.Equal(t, 10*time.Second, s.ReadTimeout)
	require.Equal(t, 10*time.Second, s.WriteTimeout)
	require.Equal(t, 60*time.Second, s.IdleTimeout)

	a := newAPI(t, nil)
	resp, _ := a.do(t, "GET", "/ok", "", "X-Filler", string(bytes.Repeat([]byte("x"), 32<<10)))
	require.Equal(t, 200, resp.StatusCode)
	huge, err := http.NewRequest("GET", a.URL+"/ok", nil)
	require.NoError(t, err)
	huge.Header.Set("X-Filler", string(bytes.Repeat([]byte("x"), 128<<10)))
	testkit.Eventually(t, func() error { // the server hangs up half a second after it refused, read or not
		resp, err := a.Client().Do(huge)
		if err != nil {
			return err
		}
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
		return resp.Body.Close()
	})
}

// An answer whose time has passed when it is made is sent all the same where it is a large
// one, over connections of either kind.
func TestLargeAnswersTakeTheirTime(t *testing.T) {
	t.Parallel()
	for _, light := range []bool{false, true} {
		s := served(t, light, func(e *echo.Echo, s *http.Server) {
			s.WriteTimeout = time.Nanosecond
			e.GET("/large", func(c echo.Context) error {
				body := make([]byte, 8<<20)
				TakeTime(c.Response(), len(body))
				return c.Blob(http.StatusOK, "application/octet-stream", body)
			})
		})
		answer, body := exchange(t, s, "GET", "GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Len(t, body, 8<<20)
	}
}

// Forms of a request that two servers in a row might read differently are refused,
// and the connection is closed.
func TestAmbiguousRequestsAreRefused(t *testing.T) {
	t.Parallel()
	a := newAPI(t, nil)
	const post = "POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	for name, raw := range map[string]string{
		"two lengths":         post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"negative length":     post + "Content-Length: -1\r\n\r\n{}",
		"signed length":       post + "Content-Length: +2\r\n\r\n{}",
		"list of lengths":     post + "Content-Length: 2, 3\r\n\r\n{}",
		"odd coding":          post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"two codings":         post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"space before colon":  post + "Content-Length : 2\r\n\r\n{}",
		"NUL in a header":     post + "X: a\x00b\r\nContent-Length: 2\r\n\r\n{}",
		"no host":             "GET /ok HTTP/1.1\r\n\r\n",
		"two hosts":           "GET /ok HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"no version":          "GET /ok\r\n\r\n",
		"space in the target": "GET /o k HTTP/1.1\r\nHost: a\r\n\r\n",
		"bad method":          "G<T /ok HTTP/1.1\r\nHost: a\r\n\r\n",
		"huge chunk":          post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n",
		"broken chunk":        post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
	} {
		testkit.Eventually(t, func() error { // as above
			status, err := a.said(raw)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			require.Contains(t, []string{"HTTP/1.1 400", "HTTP/1.1 501"}, status, name)
			return nil
		})
	}
}

// said is how the answer to a request begins that is sent as it is.
func (a *api) said(raw string) (status string, err error) {
	conn, err := net.Dial("tcp", a.Listener.Addr().String())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(raw)); err != nil {
		return "", err
	}
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", err
	}
	answer := make([]byte, len("HTTP/1.1 400"))
	_, err = io.ReadFull(conn, answer)
	return string(answer), err
}

func TestClientIsBounded(t *testing.T) {
	t.Parallel()
	c := NewClient()
	require.Equal(t, 30*time.Second, c.Timeout)
	tr := c.Transport.(*http.Transport)
	require.Equal(t, 100, tr.MaxIdleConns)
	require.Equal(t, 10, tr.MaxIdleConnsPerHost)
	require.Equal(t, 100, tr.MaxConnsPerHost)
	require.Equal(t, 90*time.Second, tr.IdleConnTimeout)
	require.Equal(t, 10*time.Second, tr.TLSHandshakeTimeout)

	a := newAPI(t, nil)
	resp, err := c.Get(a.URL + "/ok")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)
	c.CloseIdleConnections()
}
