package cache

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/wire"
)

// sized gives a cache of its own with the capacity, and what asks it for answers of so many
// bytes, where loads counts.
func sized(t *testing.T, capacity int64) (c *Cache, answer func(key, body int) Answer, loads *int) {
	f := newFloored(t)
	c, err := New(f.p, capacity, f.c.metrics)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 10, Saved: 10})
	loads = new(int)
	return c, func(key, body int) Answer {
		deps := func() []string { return []string{"v"} }
		a, err := c.Do(t.Context(), Question{Key: strconv.Itoa(key), Views: []string{"v"}, Deps: deps, Load: func(context.Context) (Answer, error) {
			*loads++
			return Answer{Body: make([]byte, body), Checkpoints: stood(c.positions.view("v").applied.Load())}, nil
		}})
		require.NoError(t, err)
		return a
	}, loads
}

// holds adds up what answers and their forms take: what ristretto counts of them, and
// everything there is, the recent ones included.
func (c *Cache) holds(t *testing.T) (counted, all int64) {
	there := map[*entry]bool{}
	c.store.IterValues(func(e *entry) bool {
		there[e] = true
		counted += e.size.Load()
		return false
	})
	c.mu.Lock()
	for _, e := range c.recent {
		if e != nil {
			there[e] = true
		}
	}
	c.mu.Unlock()
	for e := range there {
		size := int64(len(e.all))
		for kind := range e.forms {
			if kept := e.forms[kind].Load(); kept != nil {
				size += int64(len(kept.body))
			}
		}
		require.Greater(t, e.size.Load(), size)
		all += e.size.Load()
	}
	return counted, all
}

// What an answer and its forms take counts against the capacity, whether a form
// is made before the answer is stored or long after, and however large they are.
func TestTheCapacityIsKeptWithForms(t *testing.T) {
	t.Parallel()
	const capacity = 1 << 20
	for name, body := range map[string]int{
		"small":                  512,
		"too large with a form":  700,
		"too large to be recent": 4 << 10,
		"very large":             capacity / 8,
		"larger than all":        2 * capacity,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, answer, _ := sized(t, capacity)
			answers := max(3*capacity/body, 2*recents)
			if int64(body) > c.small { // none takes another's place among the recent
				answers = max(3*capacity/body, 24)
			}
			half := func(a Answer) ([]byte, string) { return a.Body[:body/2], "half" }
			for round := range 3 {
				for i := range answers {
					a := answer(i, body)
					if i%2 == 0 {
						c.store.Wait() // stored already
					}
					if round > 0 || i%3 > 0 {
						_, made := a.In(&Form{Kind: i % Kinds, Make: half})
						require.True(t, made)
					}
				}
				c.store.Wait()
				counted, all := c.holds(t)
				require.LessOrEqual(t, all, int64(capacity), "round %d", round)
				require.Equal(t, counted, c.Bytes(), "round %d: what ristretto counts is what is there", round)
				if body < capacity/16 {
					require.Greater(t, counted, int64(capacity/2))
				}
			}
		})
	}
}

// Answers that have grown are no exception.
func TestTheCapacityIsKeptWhereAnswersGrow(t *testing.T) {
	t.Parallel()
	const capacity, answers = 2 << 20, 1000
	c, answer, loads := sized(t, capacity)
	for i, body := range []int{1000, 8000, 500, 100_000} {
		*loads = 0
		for key := range answers {
			answer(key, body)
			c.store.Wait()
		}
		require.Equal(t, answers, *loads)
		counted, all := c.holds(t)
		require.LessOrEqual(t, all, int64(capacity), "%d bytes each", body)
		require.Equal(t, counted, c.Bytes(), "%d bytes each", body)
		require.Positive(t, counted)
		to := uint64(11 + i)
		c.positions.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, From: to - 1, To: to, Saved: to, All: true}, time.Now())
	}
}

// Forms of one answer that are made at the same moment are counted both.
func TestTheCapacityIsKeptWhereFormsAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	const answers = 10_000
	c, answer, _ := sized(t, 64<<20)
	var given []Answer
	for key := range answers {
		given = append(given, answer(key, 100))
	}
	var made atomic.Int64
	var making sync.WaitGroup
	for kind := range Kinds {
		making.Go(func() {
			for i, a := range given {
				a.In(&Form{Kind: kind, Make: func(a Answer) ([]byte, string) {
					made.Add(1)
					for made.Load() < int64(Kinds*(i+1)) { // until the others have made theirs
						runtime.Gosched()
					}
					return a.Body[:50], "half"
				}})
			}
		})
	}
	making.Wait()
	c.store.Wait()
	counted, _ := c.holds(t)
	require.Equal(t, counted, c.Bytes())
	require.Greater(t, counted, int64(answers*overhead/2))
}

// An answer that takes the place of one that ristretto has yet to store is counted as what it is.
func TestTheCapacityIsKeptWhereOneComesBehindAnother(t *testing.T) {
	t.Parallel()
	c, _, _ := sized(t, 64<<20)
	for key := range 500 {
		for body := range 3 {
			e := &entry{generation: c.positions.generation.Load()}
			e.write(strconv.Itoa(key), Answer{Body: make([]byte, 100*body)}, nil, nil)
			c.keep(e)
		}
	}
	c.store.Wait()
	counted, _ := c.holds(t)
	require.Equal(t, counted, c.Bytes())
	require.Positive(t, counted)
}

// However much is recent in a usual cache, a known part of the capacity is enough for it.
func TestRecentAnswersAreWithinTheCapacity(t *testing.T) {
	t.Parallel()
	for capacity, small := range map[int64]int64{1000: 0, 1 << 20: 1 << 10, 64 << 20: 64 << 10, 1 << 30: 64 << 10} {
		c, _, _ := sized(t, capacity)
		require.Equal(t, small, c.small)
		require.Equal(t, capacity, c.store.MaxCost()+recents*c.small)
	}
}

// What is too large to be recent is there when its load ends, and when a form was made:
// nobody loads it again.
func TestALargeAnswerIsLoadedOnce(t *testing.T) {
	t.Parallel()
	c, answer, loads := sized(t, 16<<20)
	for key := range 50 {
		for kind := range Kinds {
			_, made := answer(key, 100<<10).In(&Form{Kind: kind, Make: func(a Answer) ([]byte, string) { return a.Body[:50<<10], "half" }})
			require.True(t, made)
		}
		answer(key, 100<<10)
		require.Equal(t, key+1, *loads)
	}
	for _, e := range c.recent {
		require.Nil(t, e)
	}
}
