package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// held is a connection whose reads ahead by net/http come when they may, and are counted.
type held struct {
	*conn
	may         chan struct{}
	asked, gone *atomic.Int64
}

func (c held) Read(p []byte) (int, error) {
	if len(p) != 1 {
		return c.conn.Read(p)
	}
	c.asked.Add(1)
	<-c.may
	defer c.gone.Add(1)
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
	return held{c.(*conn), l.may, l.asked, l.gone}, nil
}

// spared serves requests with a LazyContext, which go on by f when net/http has read ahead in
// vain; it has asked so often.
func spared(t *testing.T, f func(echo.Context, context.Context) error) (s *httptest.Server, asked *atomic.Int64) {
	may, asked, gone := make(chan struct{}, 1), new(atomic.Int64), new(atomic.Int64)
	lazy := func(c echo.Context) error {
		ctx, before := LazyContext(c), gone.Load()
		may <- struct{}{}
		testkit.Eventually(t, func() error { // net/http tells nobody
			if gone.Load() == before {
				return errors.New("net/http has not read ahead")
			}
			return nil
		})
		return f(c, ctx)
	}
	return served(t, true, func(e *echo.Echo, _ *http.Server) { e.GET("/lazy", lazy) }, func(s *httptest.Server) {
		s.Listener = holding{s.Listener, held{nil, may, asked, gone}}
		s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c.(held).conn)
		}
	}), asked
}

// asks sends a request on a connection.
func asks(t *testing.T, c net.Conn) {
	_, err := c.Write([]byte("GET /lazy HTTP/1.1\r\nHost: a\r\n\r\n"))
	require.NoError(t, err)
}

// Whoever waits for the end of a request hears of a client who leaves, whoever looks out for it.
func TestLazyContextEndsWhenTheClientLeaves(t *testing.T) {
	t.Parallel()
	waits, ended := make(chan error), make(chan error)
	await := func(c echo.Context, ctx context.Context) error {
		done := ctx.Done()
		waits <- ctx.Err()
		<-done
		if !left(c.Request()) {
			t.Error("the client is gone")
		}
		ended <- ctx.Err()
		return nil
	}
	looks := func(s *httptest.Server) {
		c := dial(t, s)
		asks(t, c)
		require.NoError(t, testkit.Receive(t, waits))
		require.NoError(t, c.Close())
		require.ErrorIs(t, testkit.Receive(t, ended), context.Canceled)
	}
	looks(served(t, true, func(e *echo.Echo, _ *http.Server) { // net/http mostly
		e.GET("/lazy", func(c echo.Context) error { return await(c, LazyContext(c)) })
	}))
	itself, _ := spared(t, await)
	looks(itself)
	another, _ := spared(t, func(c echo.Context, ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		return await(c, ctx)
	})
	looks(another)
}

// The context of a request that has been answered takes nothing from the next one.
func TestLazyContextOfAnAnsweredRequest(t *testing.T) {
	t.Parallel()
	contexts, goOn := make(chan context.Context), make(chan bool)
	s, _ := spared(t, func(c echo.Context, ctx context.Context) error {
		contexts <- ctx
		if <-goOn {
			<-ctx.Done()
			contexts <- ctx
		}
		return nil
	})
	c := dial(t, s)
	asks(t, c)
	first := testkit.Receive(t, contexts)
	goOn <- false
	_, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)

	asks(t, c)
	second := testkit.Receive(t, contexts)
	testkit.Receive(t, first.Done())
	require.ErrorIs(t, first.Err(), context.Canceled)
	require.NoError(t, second.Err())
	goOn <- true
	require.NoError(t, c.Close())
	require.Equal(t, second, testkit.Receive(t, contexts))
}

// What is spared for one request is not for the next one.
func TestRequestAfterOneWithALazyContext(t *testing.T) {
	t.Parallel()
	waits, ended := make(chan struct{}), make(chan error)
	s := served(t, true, func(e *echo.Echo, _ *http.Server) {
		e.GET("/lazy", func(c echo.Context) error {
			LazyContext(c)
			return nil
		})
		e.GET("/waits", func(c echo.Context) error {
			close(waits)
			<-Context(c).Done()
			ended <- Context(c).Err()
			return nil
		})
	})
	c := dial(t, s)
	asks(t, c)
	_, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	_, err = c.Write([]byte("GET /waits HTTP/1.1\r\nHost: a\r\n\r\n"))
	require.NoError(t, err)
	testkit.Receive(t, waits)
	require.NoError(t, c.Close())
	require.ErrorIs(t, testkit.Receive(t, ended), context.Canceled)
}

// net/http reads ahead once a request, and takes nothing read for an answer: did it ask again,
// as a later version might, a request that waits would take all of a processor.
func TestServerReadsAheadOnce(t *testing.T) {
	t.Parallel()
	s, asked := spared(t, func(c echo.Context, ctx context.Context) error {
		time.Sleep(10 * time.Millisecond) // in which it would ask again
		return ctx.Err()
	})
	c := dial(t, s)
	in := bufio.NewReader(c)
	for n := range int64(3) {
		asks(t, c)
		a, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, a.StatusCode)
		require.Equal(t, n+1, asked.Load())
	}
}

// Requests that come while one is answered are answered whole and in turn, whoever looks out.
func TestWhatComesMeanwhileIsAnswered(t *testing.T) {
	t.Parallel()
	s := served(t, true, func(e *echo.Echo, _ *http.Server) {
		e.GET("/lazy/:id", func(c echo.Context) error {
			ctx := LazyContext(c)
			if rand.IntN(2) == 0 {
				_ = ctx.Done()
			}
			if rand.IntN(2) == 0 {
				time.Sleep(rand.N(200 * time.Microsecond)) // net/http reads ahead meanwhile, or does not
				_ = ctx.Done()
				time.Sleep(rand.N(200 * time.Microsecond)) // and so do we
			}
			if left(c.Request()) {
				return ctx.Err()
			}
			return c.String(http.StatusOK, c.Param("id"))
		})
	})
	const requests = 400
	c := dial(t, s)
	sent := make(chan error, 1)
	go func() { sent <- inPieces(c, requests) }()
	in := bufio.NewReader(c)
	for i := range requests {
		a, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		require.Equal(t, strconv.Itoa(i), string(body))
	}
	require.NoError(t, testkit.Receive(t, sent))
}

// inPieces sends requests some at a time, cut in two anywhere.
func inPieces(c net.Conn, requests int) error {
	for i := 0; i < requests; {
		var some []byte
		for range min(1+rand.IntN(4), requests-i) {
			some = fmt.Appendf(some, "GET /lazy/%d HTTP/1.1\r\nHost: a\r\n\r\n", i)
			i++
		}
		cut := rand.IntN(len(some))
		for _, piece := range [][]byte{some[:cut], some[cut:]} {
			if _, err := c.Write(piece); err != nil {
				return err
			}
			time.Sleep(rand.N(300 * time.Microsecond)) // the next one comes at any moment of this one
		}
	}
	return nil
}
