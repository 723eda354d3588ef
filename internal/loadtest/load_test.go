package loadtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// get asks for / and fails with the server.
func get(ctx context.Context, c *Conn, _ Unit) error {
	_, err := c.Do(ctx, Request{Method: "GET", Path: "/"})
	return err
}

func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestRequestsArriveAsTheyWereMeant(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Authorization") != "Bearer secret" || r.Header.Get("Prefer") != "wait=5" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Echo", r.Method+" "+r.URL.String()+" "+r.Header.Get("Content-Type"))
		_, _ = w.Write([]byte(strings.Repeat(string(body), 1000))) // so long that it comes in chunks
	})
	c, err := Dial(t.Context(), url)
	require.NoError(t, err)
	defer c.Close()
	for range 2 {
		a, err := c.Do(t.Context(), Request{"PUT", "/a?b=c", "secret", `{"学":1}`, []string{"Prefer: wait=5"}})
		require.NoError(t, err)
		require.Equal(t, "PUT /a?b=c application/json", a.Header.Get("Echo"))
		require.Equal(t, strings.Repeat(`{"学":1}`, 1000), string(a.Body))
	}
	_, err = c.Do(t.Context(), Request{Method: "GET", Path: "/"})
	status, ok := errors.AsType[*StatusError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, http.StatusBadRequest, status.Status)
}

func TestAConnectionThatWasCutIsMadeAnew(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
	})
	r, err := Load{URL: url, Connections: 1, Duration: time.Minute, Units: 3, Work: get}.Run(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 3, r.Units)
	require.EqualValues(t, 1, r.Failed)
	require.Error(t, r.Err)
}

func TestAClosedLoopDoesEachUnitOnce(t *testing.T) {
	t.Parallel()
	url := serve(t, func(http.ResponseWriter, *http.Request) {})
	var mu sync.Mutex
	done, indexes := map[int]int{}, map[int]bool{}
	work := func(ctx context.Context, c *Conn, u Unit) error {
		mu.Lock()
		done[u.N]++
		indexes[c.Index] = true
		mu.Unlock()
		return get(ctx, c, u)
	}
	r, err := Load{URL: url, Connections: 4, Duration: time.Minute, Units: 200, Work: work}.Run(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 200, r.Units)
	require.Zero(t, r.Failed)
	require.EqualValues(t, 200, r.Latency.Count())
	require.Len(t, done, 200)
	for n := range 200 {
		require.Equal(t, 1, done[n])
	}
	require.Subset(t, map[int]bool{0: true, 1: true, 2: true, 3: true}, indexes)
}

// TestAStallCountsForEveryUnitThatWasDue: the first request is held up, and only one
// connection is there. A closed loop would see a single slow request.
func TestAStallCountsForEveryUnitThatWasDue(t *testing.T) {
	t.Parallel()
	const stall = 300 * time.Millisecond
	var asked atomic.Int64
	url := serve(t, func(http.ResponseWriter, *http.Request) {
		if asked.Add(1) == 1 {
			<-time.After(stall) // the stall itself
		}
	})
	r, err := Load{URL: url, Connections: 1, Rate: 1000, Duration: 100 * time.Millisecond, Work: get}.Run(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 100, r.Units, "as many as were due, whatever the server does")
	require.Zero(t, r.Failed)
	// The last was due 99 ms after the first, and waited for it: none took less.
	require.GreaterOrEqual(t, r.Latency.Quantile(0), stall-100*time.Millisecond)
	require.GreaterOrEqual(t, r.Latency.Max(), stall)
}

func TestUnitsKeepTheirDueTimes(t *testing.T) {
	t.Parallel()
	url := serve(t, func(http.ResponseWriter, *http.Request) {})
	due := make([]time.Time, 20)
	work := func(_ context.Context, _ *Conn, u Unit) error {
		if early := time.Until(u.Due); early > 0 {
			return errors.New("early by " + early.String())
		}
		due[u.N] = u.Due
		return nil
	}
	r, err := Load{URL: url, Connections: 3, Rate: 200, Duration: 100 * time.Millisecond, Work: work}.Run(t.Context())
	require.NoError(t, err)
	require.NoError(t, r.Err)
	for n := 1; n < len(due); n++ {
		require.Equal(t, 5*time.Millisecond, due[n].Sub(due[n-1]))
	}
}

func TestUnitsThatNoConnectionWasFreeForHaveFailed(t *testing.T) {
	t.Parallel()
	url := serve(t, func(http.ResponseWriter, *http.Request) {})
	ctx, cancel := context.WithCancel(t.Context())
	stuck := func(ctx context.Context, _ *Conn, u Unit) error {
		cancel() // as the end of patience would
		<-ctx.Done()
		return ctx.Err()
	}
	r, err := Load{URL: url, Connections: 1, Rate: 1000, Duration: 50 * time.Millisecond, Work: stuck}.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.EqualValues(t, 50, r.Units)
	require.EqualValues(t, 50, r.Failed)
	require.EqualValues(t, 50, r.Latency.Count())
}

func TestTheEndOfTheContextCutsAStuckServer(t *testing.T) {
	t.Parallel()
	release, reached := make(chan struct{}), make(chan struct{}, 4)
	url := serve(t, func(http.ResponseWriter, *http.Request) {
		reached <- struct{}{}
		<-release
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-reached
		cancel()
	}()
	r, err := Load{URL: url, Connections: 4, Duration: time.Minute, Work: get}.Run(ctx)
	close(release)
	require.ErrorIs(t, err, context.Canceled)
	require.LessOrEqual(t, r.Units, int64(4), "and nothing more is begun")
}

func TestOnlyThisMachineIsLoaded(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"http://192.0.2.1:80", "http://[2001:db8::1]:80", "http://0.0.0.0:80", "http://[::ffff:192.0.2.1]:80"} {
		_, err := Load{URL: url, Connections: 1, Duration: time.Second, Work: get}.Run(t.Context())
		require.ErrorIs(t, err, ErrNotLocal, url)
	}
	for _, url := range []string{"https://127.0.0.1:80", "http://127.0.0.1", "127.0.0.1:80", "http://127.0.0.1:99999", ":"} {
		_, err := Dial(t.Context(), url)
		require.Error(t, err, url)
	}
	for _, url := range []string{"http://localhost:80", "http://[::1]:80", "http://127.1.2.3:80"} {
		_, err := Dial(t.Context(), url)
		require.NoError(t, err, url)
	}
}

func TestALoadIsBounded(t *testing.T) {
	t.Parallel()
	good := Load{URL: "http://127.0.0.1:80", Connections: 1, Duration: time.Second, Work: get}
	for i, change := range []func(*Load){
		func(l *Load) { l.Connections = 0 }, func(l *Load) { l.Connections = MaxConnections + 1 },
		func(l *Load) { l.Rate = -1 }, func(l *Load) { l.Rate = MaxRate + 1 },
		func(l *Load) { l.Duration = 0 }, func(l *Load) { l.Duration = MaxDuration + 1 },
		func(l *Load) { l.Units = -1 }, func(l *Load) { l.Units = MaxUnits + 1 },
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			bad := good
			change(&bad)
			_, err := bad.Run(t.Context())
			require.Error(t, err)
		})
	}
}
