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
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// Whoever waits for the end of a request hears of a client who leaves, whoever looks out for it.
func TestLazyContextEndsWhenTheClientLeaves(t *testing.T) {
	t.Parallel()
	waits, ended := make(chan error, 1), make(chan error, 1)
	waiting := func(_ echo.Context, ctx context.Context) error {
		_ = ctx.Done()
		waits <- ctx.Err()
		ended <- await(t, ctx)
		return nil
	}
	looks := func(s *httptest.Server) {
		c := dial(t, s)
		asks(t, c, lazyRequest)
		require.NoError(t, testkit.Receive(t, waits))
		require.NoError(t, c.Close())
		require.ErrorIs(t, testkit.Receive(t, ended), context.Canceled)
	}
	looks(served(t, true, func(e *echo.Echo, _ *http.Server) { // net/http, mostly
		e.GET("/lazy", func(c echo.Context) error { return waiting(c, LazyContext(c)) })
	}))
	itself, _ := skipping(t, waiting)
	looks(itself)
	another, _ := skipping(t, func(c echo.Context, ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		return waiting(c, ctx)
	})
	looks(another)
}

// The context of a request that has been answered takes nothing from the next one.
func TestLazyContextOfAnAnsweredRequest(t *testing.T) {
	t.Parallel()
	contexts, goOn := make(chan context.Context, 1), make(chan bool, 1)
	s, _ := skipping(t, func(_ echo.Context, ctx context.Context) error {
		contexts <- ctx
		select {
		case waits := <-goOn:
			if waits {
				_ = await(t, ctx)
				contexts <- ctx
			}
		case <-t.Context().Done():
		}
		return nil
	})
	c := dial(t, s)
	asks(t, c, lazyRequest)
	first := testkit.Receive(t, contexts)
	goOn <- false
	answer(t, bufio.NewReader(c))

	asks(t, c, lazyRequest)
	second := testkit.Receive(t, contexts)
	first.(*lazyContext).conn.look(first.(*lazyContext), func() {}) // as if Done came only now
	require.ErrorIs(t, first.Err(), context.Canceled)
	require.NoError(t, second.Err())
	goOn <- true
	require.NoError(t, c.Close())
	require.Equal(t, second, testkit.Receive(t, contexts))
	require.ErrorIs(t, second.Err(), context.Canceled)
}

// What is skipped for one request is not for the next one, be it in the same piece.
func TestRequestAfterOneWithALazyContext(t *testing.T) {
	t.Parallel()
	const waits = "GET /waits HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, of := range map[string]func(echo.Context) context.Context{"plain": Context, "lazy": LazyContext} {
		for _, pieces := range [][]string{{lazyRequest + waits}, {lazyRequest, waits}} {
			t.Run(fmt.Sprint(name, len(pieces)), func(t *testing.T) {
				t.Parallel()
				waiting, ended := make(chan struct{}, 1), make(chan error, 1)
				s, _ := skipping(t, func(c echo.Context, ctx context.Context) error {
					if ctx == nil {
						ctx = of(c)
						waiting <- struct{}{}
						ended <- await(t, ctx)
					}
					return nil
				})
				c := dial(t, s)
				asks(t, c, pieces[0])
				answer(t, bufio.NewReader(c))
				for _, piece := range pieces[1:] {
					asks(t, c, piece)
				}
				testkit.Receive(t, waiting)
				require.NoError(t, c.Close())
				require.ErrorIs(t, testkit.Receive(t, ended), context.Canceled)
			})
		}
	}
}

// piped is a connection, with the request on it that has a LazyContext, and the client's end.
func piped(t *testing.T, request context.Context) (c *conn, l *lazyContext, client net.Conn) {
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	c = &conn{Conn: server, reads: deadline{set: server.SetReadDeadline}}
	l = &lazyContext{Context: request, conn: c, ends: time.Now().Add(AnswerWithin)}
	c.lookout.postpone(l)
	return c, l, client
}

// A read of one byte is skipped once, without a deadline, while the request is answered. Should
// a later net/http ask again, it reads, and alone: a request that waits takes no processor.
func TestOneBackgroundReadIsSkipped(t *testing.T) {
	t.Parallel()
	over, end := context.WithCancel(t.Context())
	end()
	for name, of := range map[string]struct {
		request  context.Context
		deadline time.Time
		reads    []int
	}{
		"being answered":  {t.Context(), time.Time{}, []int{0, 1}},
		"answered":        {over, time.Time{}, []int{1}},
		"with a deadline": {t.Context(), time.Now().Add(time.Hour), []int{1, 1}},
	} {
		c, l, client := piped(t, of.request)
		require.NoError(t, c.SetReadDeadline(of.deadline))
		go client.Write([]byte("ab"))
		for _, want := range of.reads {
			n, err := c.Read(make([]byte, 1))
			require.NoError(t, err)
			require.Equal(t, want, n, name)
		}
		_ = l.Done()
		require.Nil(t, c.lookout.ours, name)
	}
}

// Our read gives way to net/http's, with what it has found, and takes neither for a client who left.
func TestOwnReadGivesWay(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 4096} {
		for _, early := range []bool{true, false} {
			c, l, client := piped(t, t.Context())
			n, err := c.Read(make([]byte, 1))
			require.NoError(t, err)
			require.Zero(t, n)
			done := l.Done()
			if early {
				_, err = client.Write([]byte("a"))
				require.NoError(t, err)
			}
			given, found := make(chan error, 1), make([]byte, size)
			go func() {
				_, err := c.Read(found)
				given <- err
			}()
			if !early {
				testkit.Eventually(t, func() error {
					c.lookout.mu.Lock()
					defer c.lookout.mu.Unlock()
					if c.lookout.ours != nil {
						return errors.New("our read is under way")
					}
					return nil
				})
				_, err = client.Write([]byte("a"))
				require.NoError(t, err)
			}
			require.NoError(t, testkit.Receive(t, given))
			require.Equal(t, byte('a'), found[0])
			select {
			case <-done:
				require.Fail(t, "the client is there")
			default:
			}
		}
	}
}

// net/http reads in the background once a request, and is content with nothing.
func TestServerReadsInTheBackgroundOnce(t *testing.T) {
	t.Parallel()
	s, asked := skipping(t, func(c echo.Context, ctx context.Context) error {
		time.Sleep(10 * time.Millisecond) // in which it would ask again
		return ctx.Err()
	})
	c := dial(t, s)
	in := bufio.NewReader(c)
	for n := range int64(3) {
		asks(t, c, lazyRequest)
		require.Equal(t, http.StatusOK, answer(t, in).StatusCode)
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
				time.Sleep(rand.N(200 * time.Microsecond)) // net/http's background read comes meanwhile, or does not
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
		body, err := io.ReadAll(answer(t, in).Body)
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
