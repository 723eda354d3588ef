package auth

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gate is a Throttle at a clock that a test moves.
type gate struct {
	*Throttle
	now time.Time
}

func newGate() *gate {
	g := &gate{now: someTime}
	g.Throttle = NewThrottle(func() time.Time { return g.now })
	return g
}

func address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// guess tries n times, a step apart, and tells how many reach the hasher.
func (g *gate) guess(n int, step time.Duration, account func(int) string, from func(int) netip.Addr) (reached int) {
	for i := range n {
		if g.Allow(account(i), from(i)) == 0 {
			reached++
		}
		g.now = g.now.Add(step)
	}
	return reached
}

func always[T any](value T) func(int) T { return func(int) T { return value } }

func TestGuessesThatReachTheHasher(t *testing.T) {
	t.Parallel()
	names := func(i int) string { return fmt.Sprint("user", i) }
	v6 := func(i int) netip.Addr {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0xd, 0xb8, 8: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
	}
	for _, c := range []struct {
		name    string
		step    time.Duration
		account func(int) string
		from    func(int) netip.Addr
		most    int
	}{
		{"one account, one address, at once", 0, always("victim"), always(address(1)), 5},
		{"one account, one address, an hour", 360 * time.Millisecond, always("victim"), always(address(1)), 20},
		{"one account, one address, ten days", 86 * time.Second, always("victim"), always(address(1)), 980},
		{"many accounts, one address, at once", 0, names, always(address(1)), 100},
		{"many accounts, one address, an hour", 360 * time.Millisecond, names, always(address(1)), 701},
		{"one account, 100 addresses", 0, always("victim"), func(i int) netip.Addr { return address(i % 100) }, 120},
		{"one account, one IPv6 network", 0, always("victim"), v6, 5},
		{"one account, IPv4 in IPv6", 0, always("victim"), func(i int) netip.Addr {
			if i%2 == 0 {
				return address(1)
			}
			return netip.AddrFrom16(address(1).As16())
		}, 5},
		{"no address known", 0, always("victim"), always(netip.Addr{}), 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := newGate()
			reached := g.guess(10_000, c.step, c.account, c.from)
			require.LessOrEqual(t, reached, c.most)
			require.Positive(t, reached)
			require.Zero(t, g.Allow("victim", netip.MustParseAddr("192.0.2.7")), "the victim gets in from elsewhere")
			require.Zero(t, g.Allow("neighbour", netip.MustParseAddr("192.0.2.8")), "and so does everyone else")
		})
	}
}

func TestGuessesSentAtOnce(t *testing.T) {
	t.Parallel()
	g := newGate()
	var reached atomic.Int32
	var tries sync.WaitGroup
	for range 50 {
		tries.Go(func() {
			for range 200 {
				if g.Allow("victim", address(1)) == 0 {
					reached.Add(1)
				}
			}
		})
	}
	tries.Wait()
	require.EqualValues(t, pairTries, reached.Load())
}

func TestTheWaitGrowsAndEnds(t *testing.T) {
	t.Parallel()
	g := newGate()
	g.guess(pairTries, 0, always("me"), always(address(1)))
	want := pairWait
	for range 15 {
		require.Equal(t, want, g.Allow("me", address(1)))
		require.Equal(t, want, g.Allow("me", address(1)), "asking too early costs nothing")
		g.now = g.now.Add(want)
		require.Zero(t, g.Allow("me", address(1)))
		want = min(2*want, pairWaitMost)
	}
	g.now = g.now.Add(pairWaitMost + pairForget + time.Second)
	require.Equal(t, pairTries, g.guess(10, 0, always("me"), always(address(1))), "all is forgotten")
}

func TestTheRightPasswordIsForgiven(t *testing.T) {
	t.Parallel()
	g := newGate()
	for i := range 5_000 { // a school behind one address, logging in within a moment
		account := fmt.Sprint("pupil", i%500)
		require.Zero(t, g.Allow(account, address(1)), i)
		g.Succeeded(account, address(1))
	}
	g.guess(pairTries-1, 0, always("me"), always(address(2)))
	require.Zero(t, g.Allow("me", address(2)))
	g.Succeeded("me", address(2))
	require.Equal(t, pairTries, g.guess(10, 0, always("me"), always(address(2))), "typing errors before count no more")
}

// One's own account does not buy guesses at another's.
func TestSuccessesElsewhereForgiveNothing(t *testing.T) {
	t.Parallel()
	g := newGate()
	reached := 0
	for range 1_000 {
		if g.Allow("victim", address(1)) == 0 {
			reached++
		}
		if g.Allow("attacker", address(1)) == 0 {
			g.Succeeded("attacker", address(1))
		}
	}
	require.Equal(t, pairTries, reached)
}

// A class registers at once from one address; a flood from there keeps nobody else out,
// neither from registering nor from logging in.
func TestRegistrationsOfANetwork(t *testing.T) {
	t.Parallel()
	g := newGate()
	for i := range registerBurst {
		require.Zero(t, g.Register(address(1)), i)
	}
	require.Equal(t, registerEvery, g.Register(address(1)))
	require.Equal(t, registerEvery, g.Register(netip.AddrFrom16(address(1).As16())), "the same, told otherwise")
	require.Zero(t, g.Register(address(2)))
	require.Zero(t, g.Allow("pupil", address(1)), "logins have a budget of their own")
	g.now = g.now.Add(registerEvery)
	require.Zero(t, g.Register(address(1)))
	require.Positive(t, g.Register(address(1)))
}

func TestTheThrottleIsBounded(t *testing.T) {
	t.Parallel()
	g := newGate()
	const many = 2*throttled + 1
	g.guess(many, time.Millisecond, func(i int) string { return fmt.Sprint(i) }, address)
	for i := range many {
		g.Register(address(i))
	}
	for _, kept := range []int{
		len(g.newcomers.young) + len(g.newcomers.old),
		len(g.pairs.young) + len(g.pairs.old),
		len(g.networks.young) + len(g.networks.old),
		len(g.accounts.young) + len(g.accounts.old),
	} {
		require.LessOrEqual(t, kept, throttled)
		require.Greater(t, kept, throttled/2)
	}
}

func BenchmarkThrottle(b *testing.B) {
	g := NewThrottle(time.Now)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if from := address(i % 100_000); g.Allow("someone", from) == 0 {
			g.Succeeded("someone", from)
		}
	}
}
