package reading

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// crowded is a Batcher whose last read, of a moment ago, was for so many.
type crowded struct {
	*Batcher[int, bool]
	begun chan int      // the keys of each read that has begun since
	ends  chan struct{} // lets a read end
}

func newCrowded(t *testing.T, callers int) *crowded {
	c := &crowded{begun: make(chan int, 100), ends: make(chan struct{}, 100)}
	c.Batcher = newBatcher(func(_ context.Context, keys []int) (bool, error) {
		c.begun <- len(keys)
		<-c.ends
		return true, nil
	})
	c.ask(t, 1)
	c.ask(t, ones(callers)...)
	c.end(1)
	time.Sleep(companyLongest) // for the first one, who does not come again
	c.end(1)
	require.Equal(t, []int{1, callers}, c.reads())
	return c
}

// end lets the next n reads end, also such that begin later.
func (c *crowded) end(n int) {
	for range n {
		c.ends <- struct{}{}
	}
	synctest.Wait()
}

// reads are the keys of the reads that have begun and were not told yet.
func (c *crowded) reads() (keys []int) {
	for len(c.begun) > 0 {
		keys = append(keys, <-c.begun)
	}
	return keys
}

// ask has one after another ask, for so many keys.
func (c *crowded) ask(t *testing.T, keys ...int) {
	for _, n := range keys {
		go func() {
			if found, err := c.Ask(t.Context(), ones(n), nil); err != nil || !found {
				t.Error(found, err)
			}
		}()
		synctest.Wait()
	}
}

// pass lets a time pass, and calls early right before its end.
func pass(d time.Duration, early func()) {
	time.Sleep(d - 1)
	synctest.Wait()
	early()
	time.Sleep(time.Nanosecond)
	synctest.Wait()
}

func ones(n int) []int { return slices.Repeat([]int{1}, n) }

// Where many have just been answered, who comes first waits for the others, at most as long as
// they may still be coming.
func TestACrowdIsReadTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		crowd  int
		before time.Duration // between the crowd's read and who comes first
		asks   []int         // keys, of each who comes
		reads  []int         // keys
		waits  time.Duration
	}{
		{name: "all have come back", crowd: 20, asks: ones(20), reads: []int{20}},
		{name: "most stay away", crowd: 20, asks: ones(companyFrom - 1), reads: []int{companyFrom - 1}, waits: companyWait},
		{name: "some stay away", crowd: 20, asks: ones(19), reads: []int{19}, waits: companyWait + companyStep},
		{name: "some come late", crowd: 20, before: companyWait / 2, asks: ones(7), reads: []int{7}, waits: companyWait},
		{name: "even the first comes late", crowd: 20, before: 2 * companyWait, asks: ones(20), reads: []int{20}},
		{name: "the first comes at the end", crowd: 20, before: companyLongest - companyWait/2, asks: ones(1), reads: []int{1}, waits: companyWait / 2},
		{name: "they are long gone", crowd: 20, before: companyLongest, asks: ones(1), reads: []int{1}},
		{name: "few are no crowd", crowd: companyFrom - 1, asks: ones(1), reads: []int{1}},
		{name: "a crowd", crowd: companyFrom, asks: ones(1), reads: []int{1}, waits: companyWait},
		{name: "enough to share", crowd: 100, asks: ones(companyMost), reads: []int{companyMost}},
		{name: "enough keys to share", crowd: 20, asks: []int{companyMost / 2, companyMost / 2}, reads: []int{companyMost}},
		{name: "no room for more", crowd: 20, asks: []int{1, groupMost}, reads: []int{1, groupMost}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newCrowded(t, c.crowd)
				b.end(len(c.reads))
				time.Sleep(c.before)
				b.ask(t, c.asks...)
				if c.waits > 0 {
					pass(c.waits, func() { require.Empty(t, b.reads()) })
				}
				require.Equal(t, c.reads, b.reads())
			})
		})
	}
}

// Where they come slowly, they are waited for while many come, but not for ever; who has come
// before does not count.
func TestACrowdIsWaitedForWhileItComes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		before int // while the crowd was read
		comes  []int
		waits  time.Duration
	}{
		{"many", 0, slices.Repeat([]int{companyFrom}, 20), companyLongest},
		{"few", 0, []int{companyFrom, companyFrom - 1, companyFrom}, companyWait + companyStep},
		{"none", 2 * companyFrom, []int{0}, companyWait},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newCrowded(t, companyMost)
				b.ask(t, ones(companyMost)...)
				b.ask(t, ones(c.before)...)
				require.Equal(t, []int{companyMost}, b.reads())
				b.end(1)
				if c.before == 0 {
					b.ask(t, 1) // who waits for the others
				}
				asked := max(c.before, 1)
				for i, waited := 0, time.Duration(0); waited < c.waits; i++ {
					b.ask(t, ones(c.comes[i])...)
					asked += c.comes[i]
					step := companyStep
					if i == 0 {
						step = companyWait
					}
					pass(step, func() { require.Empty(t, b.reads()) })
					waited += step
				}
				require.Equal(t, []int{asked}, b.reads())
				b.end(1)
			})
		})
	}
}

// Those who ask while the crowd is read belong to it: the next group waits for both, unless it has
// enough already, or another one waits behind it.
func TestACrowdCountsWhoWaits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		waits []int // keys of those who wait
		after int   // callers that come when the crowd has been read
		reads []int
	}{
		{name: "both", waits: ones(3), after: companyFrom, reads: []int{companyFrom + 3}},
		{name: "enough wait", waits: ones(companyMost), reads: []int{companyMost}},
		{name: "another group waits", waits: []int{1, groupMost}, reads: []int{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newCrowded(t, companyFrom)
				b.ask(t, ones(companyFrom)...)
				b.ask(t, c.waits...)
				require.Equal(t, []int{companyFrom}, b.reads())
				b.end(1)
				if c.after > 0 {
					b.ask(t, ones(c.after-1)...)
					require.Empty(t, b.reads())
					b.ask(t, 1)
				}
				require.Equal(t, c.reads, b.reads())
				b.end(len(c.waits)) // as many groups at most
			})
		})
	}
}

// Callers are a crowd, not the keys of a few.
func TestAFewWithManyKeysAreNoCrowd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newCrowded(t, 1)
		b.ask(t, 2*companyFrom)
		b.end(1)
		require.Equal(t, []int{2 * companyFrom}, b.reads())
		b.ask(t, 1)
		require.Equal(t, []int{1}, b.reads())
		b.end(1)
	})
}
