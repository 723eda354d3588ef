package web

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
)

// held is a connection whose background reads come when they may, are counted, and tell when they
// have gone.
type held struct {
	*conn
	may, gone chan struct{}
	asked     *atomic.Int64
	over      <-chan struct{} // the test
}

func (c held) Read(p []byte) (int, error) {
	if len(p) != 1 {
		return c.conn.Read(p)
	}
	c.asked.Add(1)
	select {
	case <-c.may:
	case <-c.over:
	}
	defer func() { c.gone <- struct{}{} }()
	return c.conn.Read(p)
}

type holding struct {
	net.Listener
	held
}

func (l holding) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	of := l.held
	of.conn = c.(*conn)
	return of, nil
}

// skipping serves requests with a LazyContext, which go on by f when their background read has been
// skipped; it was asked for so often. Those for /waits go on by f at once.
func skipping(t *testing.T, f func(echo.Context, context.Context) error) (s *httptest.Server, asked *atomic.Int64) {
	of := held{may: make(chan struct{}, 1), gone: make(chan struct{}, 100), asked: new(atomic.Int64), over: t.Context().Done()}
	lazy := func(c echo.Context) error {
		ctx := LazyContext(c)
		of.may <- struct{}{}
		select {
		case <-of.gone:
			return f(c, ctx)
		case <-t.Context().Done():
			return t.Context().Err()
		}
	}
	waits := func(c echo.Context) error {
		of.may <- struct{}{}
		return f(c, nil)
	}
	return served(t, true, func(e *echo.Echo, _ *http.Server) { e.GET("/lazy", lazy); e.GET("/waits", waits) }, func(s *httptest.Server) {
		s.Listener = holding{s.Listener, of}
		s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c.(held).conn)
		}
	}), of.asked
}

// await waits for the end of ctx, or of the test.
func await(t *testing.T, ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.Context().Done():
		return errors.New("it has not ended")
	}
}

const lazyRequest = "GET /lazy HTTP/1.1\r\nHost: a\r\n\r\n"

// asks sends requests on a connection.
func asks(t *testing.T, c net.Conn, requests string) {
	t.Helper()
	_, err := c.Write([]byte(requests))
	require.NoError(t, err)
}

// answer reads the answer to one.
func answer(t *testing.T, in *bufio.Reader) *http.Response {
	t.Helper()
	a, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	return a
}
