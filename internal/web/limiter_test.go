package web

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type fakeClock struct{ ns atomic.Int64 }

func (f *fakeClock) now() time.Time          { return time.Unix(0, f.ns.Load()) }
func (f *fakeClock) advance(d time.Duration) { f.ns.Add(int64(d)) }

// The oracle keeps every allowed request: one more may pass if, seen from each of
// them, no more passed than the burst and what the steady rate gave since.
func TestLimiterIsTheCellRateAlgorithm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.IntRange(1, 1000).Draw(t, "rate")
		burst := rapid.IntRange(1, 20).Draw(t, "burst")
		clock := &fakeClock{}
		l := newLimiter(rate, burst, 8, clock.now())
		interval := time.Second / time.Duration(rate)
		var passed []time.Duration
		var now time.Duration
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			step := time.Duration(rapid.Int64Range(0, int64(3*interval)).Draw(t, "step"))
			if rapid.IntRange(0, 20).Draw(t, "pause") == 0 {
				step *= 20
			}
			now += step
			clock.advance(step)
			n := rapid.IntRange(1, burst).Draw(t, "n")
			may := func(n int) bool {
				allowed := true
				for i, at := range passed {
					allowed = allowed && time.Duration(len(passed)-i+n)*interval <= time.Duration(burst)*interval+now-at
				}
				return allowed
			}
			checked := l.Check([]byte("k"), clock.now())
			got := l.AllowN([]byte("k"), n, clock.now())
			if got.Allowed != may(n) || checked.Allowed != may(1) {
				t.Fatalf("after %v: %d allowed %v, one %v, want %v and %v", now, n, got.Allowed, checked.Allowed, may(n), may(1))
			}
			if got.Allowed {
				passed = append(passed, slices.Repeat([]time.Duration{now}, n)...)
			}
			if got.Allowed == (got.RetryAfter > 0) || got.Remaining < 0 || got.Remaining >= burst+1 {
				t.Fatalf("%+v", got)
			}
		}
	})
}

func TestLimiterVerdictComesTrue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		clock := &fakeClock{}
		l := newLimiter(rapid.IntRange(1, 1000).Draw(t, "rate"), rapid.IntRange(1, 20).Draw(t, "burst"), 8, clock.now())
		var v Verdict
		for range rapid.IntRange(1, 50).Draw(t, "requests") {
			clock.advance(time.Duration(rapid.Int64Range(0, int64(l.interval)).Draw(t, "step")))
			v = l.Allow([]byte("k"), clock.now())
		}
		for range v.Remaining {
			if !l.Allow([]byte("k"), clock.now()).Allowed {
				t.Fatal("fewer remained than promised")
			}
		}
		v = l.Allow([]byte("k"), clock.now())
		if v.Allowed {
			t.Fatal("more remained than promised")
		}
		clock.advance(v.RetryAfter - 1)
		if l.Check([]byte("k"), clock.now()).Allowed {
			t.Fatal("allowed before RetryAfter")
		}
		clock.advance(1)
		if v = l.Allow([]byte("k"), clock.now()); !v.Allowed {
			t.Fatal("not allowed after RetryAfter")
		}
		clock.advance(v.Whole)
		if v = l.Check([]byte("k"), clock.now()); int64(v.Remaining) != l.burst {
			t.Fatal("not whole when promised")
		}
	})
}

func TestLimiterKeepsKeysApartUnderConcurrency(t *testing.T) {
	t.Parallel()
	clock := &fakeClock{}
	l := NewLimiter(1, 50, clock.now())
	var wg sync.WaitGroup
	var allowed [8]atomic.Int64
	for range 8 {
		wg.Go(func() {
			for i := range 800 {
				if l.Allow([]byte{byte(i % 8)}, clock.now()).Allowed {
					allowed[i%8].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for i := range allowed {
		require.EqualValues(t, 50, allowed[i].Load())
	}
}

// A million principals take no more memory than none, and do not wash out the one
// that is over its limit. Not parallel: it counts allocations.
func TestLimiterMemoryIsFixed(t *testing.T) {
	clock := &fakeClock{}
	l := NewLimiter(1, 2, clock.now())
	greedy := []byte("greedy")
	for range 3 {
		l.Allow(greedy, clock.now())
	}
	key := make([]byte, 8)
	allocated := testing.AllocsPerRun(1, func() {
		for i := range uint64(1_000_000) {
			binary.BigEndian.PutUint64(key, i)
			l.Allow(key, clock.now())
		}
	})
	require.Less(t, allocated, 1000.0, "for a million; the runtime has a few of its own")
	require.Len(t, l.sets, limiterSets)
	require.False(t, l.Check(greedy, clock.now()).Allowed)
}

func TestRateLimitOverHTTP(t *testing.T) {
	t.Parallel()
	clock := &fakeClock{}
	a := newAPI(t, func(c *Config) { c.RatePerSecond, c.Burst, c.Now = 2, 4, clock.now })
	for i := range 4 {
		resp, _ := a.do(t, "GET", "/ok", "")
		require.Equal(t, 200, resp.StatusCode)
		require.Equal(t, `"default";q=4;w=2`, resp.Header.Get("RateLimit-Policy"))
		require.Equal(t, fmt.Sprintf(`"default";r=%d;t=%d`, 3-i, (i+2)/2), resp.Header.Get("RateLimit"))
	}
	resp, p := a.problem(t, "GET", "/ok", "")
	require.Equal(t, TooManyRequests, p.Code)
	require.Equal(t, "1", resp.Header.Get("Retry-After"))
	require.Equal(t, `"default";r=0;t=2`, resp.Header.Get("RateLimit"))
	resp, _ = a.do(t, "GET", "/nowhere", "")
	require.Equal(t, 429, resp.StatusCode, "unknown paths count too")
	resp, _ = a.do(t, "GET", "/me", "", "Authorization", "Bearer alice")
	require.Equal(t, 200, resp.StatusCode, "a user does not suffer for the address")
	clock.advance(time.Second)
	resp, _ = a.do(t, "GET", "/ok", "")
	require.Equal(t, 200, resp.StatusCode)
}

// A request that brings the work of many counts as that many, and where they are not left
// nothing is taken but for itself.
func TestWorkOfManyIsCharged(t *testing.T) {
	t.Parallel()
	clock := &fakeClock{}
	a := newAPI(t, func(c *Config) { c.RatePerSecond, c.Burst, c.Now = 1, 10, clock.now })
	for _, c := range []struct {
		n, status, left int
		retryAfter      string
		pause           time.Duration // before
	}{
		{n: 0, status: 204, left: 9},
		{n: 4, status: 204, left: 4},
		{n: 4, status: 429, left: 3, retryAfter: "1"},
		{n: 4, status: 204, left: 0, pause: 2 * time.Second},
		{n: 1_000_000, status: 204, left: 0, pause: 10 * time.Second},
		{n: 1_000_000, status: 429, left: 0, retryAfter: "9", pause: time.Second},
	} {
		clock.advance(c.pause)
		resp, _ := a.do(t, "GET", "/many/"+strconv.Itoa(c.n), "")
		require.Equal(t, c.status, resp.StatusCode, c)
		require.Regexp(t, fmt.Sprintf(`^"default";r=%d;`, c.left), resp.Header.Get("RateLimit"), c)
		require.Equal(t, c.retryAfter, resp.Header.Get("Retry-After"), c)
	}
}

// Whoever asks whether the process lives is told so, however often and from wherever.
func TestUnlimitedPathsAreNeverRefused(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(c *Config) {
		c.RatePerSecond, c.Burst, c.Now = 2, 4, (&fakeClock{}).now
		c.Unlimited = []string{"/ok"}
	})
	for range 20 {
		resp, _ := a.do(t, "GET", "/me", "", "Authorization", "Bearer forged")
		require.NotEqual(t, 200, resp.StatusCode)
		resp, _ = a.do(t, "GET", "/ok", "", "Authorization", "Bearer forged")
		require.Equal(t, 200, resp.StatusCode)
		require.Empty(t, resp.Header.Get("RateLimit"))
	}
	resp, _ := a.do(t, "GET", "/nowhere", "")
	require.Equal(t, 404, resp.StatusCode, "what is not counted costs nothing elsewhere")
}

func TestFloodOfBadTokensIsNotVerified(t *testing.T) {
	t.Parallel()
	clock := &fakeClock{}
	var verified atomic.Int64
	a := newAPI(t, func(c *Config) {
		c.RatePerSecond, c.Burst, c.Now = 2, 4, clock.now
		c.Verify = func(token string) (Principal, error) {
			verified.Add(1)
			return testVerify(token)
		}
		c.Known = func(token string) bool { return token == "alice" }
	})
	statuses := map[int]int{}
	for range 20 {
		resp, _ := a.do(t, "GET", "/ok", "", "Authorization", "Bearer forged")
		statuses[resp.StatusCode]++
	}
	require.Equal(t, map[int]int{http.StatusUnauthorized: 4, http.StatusTooManyRequests: 16}, statuses)
	require.EqualValues(t, 4, verified.Load())
	resp, _ := a.do(t, "GET", "/ok", "")
	require.Equal(t, 200, resp.StatusCode, "the anonymous are counted apart")
	resp, _ = a.do(t, "GET", "/ok", "", "Authorization", "Bearer alice")
	require.Equal(t, 200, resp.StatusCode, "whose token is known is not shut out by others behind their address")
	resp, _ = a.do(t, "GET", "/ok", "", "Authorization", "Bearer down")
	require.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
}

func TestRateZeroIsOff(t *testing.T) {
	t.Parallel()
	resp, _ := newAPI(t, nil).do(t, "GET", "/ok", "")
	require.Empty(t, resp.Header.Get("RateLimit"))
	require.Empty(t, resp.Header.Get("RateLimit-Policy"))
}

func TestAddressKey(t *testing.T) {
	t.Parallel()
	key := func(address string) string { return string(addressKey(nil, keyAddress, address)) }
	require.Equal(t, key("2001:db8::1"), key("2001:db8::ffff:1"), "one network of a host")
	require.NotEqual(t, key("2001:db8::1"), key("2001:db8:0:1::1"))
	require.NotEqual(t, key("192.0.2.1"), key("192.0.2.2"))
	require.Equal(t, key("192.0.2.1"), key("::ffff:192.0.2.1"))
	require.Equal(t, key(""), key("@"))
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	a := newAPI(t, nil)
	for _, header := range []string{"Bearer alice", "bearer alice", "BEARER  alice"} {
		resp, text := a.do(t, "GET", "/me", "", "Authorization", header)
		require.Equal(t, 200, resp.StatusCode, header)
		require.Equal(t, alice.UserID.String(), text)
	}
	for _, header := range []string{"Bearer", "Bearer ", "alice", "Basic YTpi", "Bearer bob", "Bearer alice,alice",
		"Token alice", "Bearer " + strings.Repeat("x", maxToken+1)} {
		resp, p := a.problem(t, "GET", "/ok", "", "Authorization", header)
		require.Equal(t, Unauthenticated, p.Code, header)
		require.Equal(t, `Bearer error="invalid_token"`, resp.Header.Get("WWW-Authenticate"))
		require.NotContains(t, p.Detail, "secret")
	}
	_, p := a.problem(t, "GET", "/ok", "", "Authorization", "Bearer alice", "Authorization", "Bearer alice")
	require.Equal(t, Unauthenticated, p.Code, "two headers")
	resp, p := a.problem(t, "GET", "/me", "")
	require.Equal(t, Unauthenticated, p.Code)
	require.Equal(t, "Bearer", resp.Header.Get("WWW-Authenticate"))
	_, p = a.problem(t, "GET", "/ok", "", "Authorization", "Bearer down")
	require.Equal(t, Unavailable, p.Code, "a verifier that cannot tell does not refuse")
}
