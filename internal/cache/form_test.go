package cache

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/wire"
)

// Whoever wants a form gets the same one, made once, also while it is made.
func TestAFormIsMadeOnce(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	var made atomic.Int64
	upper := &Form{Make: func(a Answer) ([]byte, string) {
		made.Add(1)
		return bytes.ToUpper(a.Body), a.ETag + "-upper"
	}}
	var herd sync.WaitGroup
	for range 50 {
		herd.Go(func() {
			a, err := f.c.Do(t.Context(), question("", 10))
			if err != nil {
				t.Error(err)
				return
			}
			in, ok := a.In(upper)
			if !ok || string(in.Body) != "OLD" || in.ETag != "-upper" || in.Position != 10 || string(a.Body) != "old" {
				t.Error(in, ok)
			}
		})
	}
	herd.Wait()
	require.EqualValues(t, 1, made.Load())

	a, err := f.c.Do(t.Context(), question("", 10))
	require.NoError(t, err)
	_, ok := a.In(&Form{Kind: 1, From: 4, Make: upper.Make})
	require.False(t, ok, "too short")
	_, ok = a.In(&Form{Kind: 1, Make: func(Answer) ([]byte, string) { return nil, "" }})
	require.False(t, ok, "no better")
}

// What an answer and its forms take counts against the capacity, whether a form
// is made before the answer is stored or long after.
func TestTheCapacityIsKeptWithForms(t *testing.T) {
	t.Parallel()
	const capacity, body = 1 << 20, 4 << 10
	f := newFloored(t)
	c, err := New(f.p, capacity, f.c.metrics)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 10, Saved: 10})
	half := func(a Answer) ([]byte, string) { return a.Body[:body/2], "half" }
	answer := func(i int) Answer {
		a, err := c.Do(t.Context(), Question{Key: strconv.Itoa(i), Views: []string{"v"}, Load: func(context.Context) (Answer, error) {
			return Answer{Body: make([]byte, body), Checkpoints: stood(10)}, nil
		}})
		require.NoError(t, err)
		return a
	}
	const answers = 3 * capacity / body
	for round := range 3 {
		for i := range answers {
			a := answer(i)
			if i%2 == 0 {
				c.store.Wait() // stored already
			}
			if round > 0 || i%3 > 0 {
				_, made := a.In(&Form{Kind: i % Kinds, Make: half})
				require.True(t, made)
			}
		}
		c.store.Wait()
		var held, charged int64
		c.store.IterValues(func(e *entry) bool {
			size := int64(cap(e.body))
			for kind := range e.forms {
				if kept := e.forms[kind].Load(); kept != nil {
					size += int64(len(kept.body))
				}
			}
			require.Greater(t, e.size.Load(), size)
			held, charged = held+size, charged+e.size.Load()
			return false
		})
		require.LessOrEqual(t, charged, int64(capacity))
		require.Equal(t, charged, capacity-c.store.RemainingCost(), "round %d: what ristretto counts is what is there", round)
		require.Greater(t, held, int64(capacity/2))
	}
}

// Everyone comes at once to an empty cache, as after a restart, or after all was
// forgotten, as after a flip: each key is loaded once.
func TestAHerdIsOneFlight(t *testing.T) {
	t.Parallel()
	f := newFloored(t)
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 10, Saved: 10})
	for range 20 {
		f.c.Clear()
		const herd = 100
		var loads atomic.Int64
		var came, answered sync.WaitGroup
		came.Add(herd)
		q := question("a", 10)
		load := q.Load
		q.Load = func(ctx context.Context) (Answer, error) {
			loads.Add(1)
			came.Wait() // until everyone is on the way
			return load(ctx)
		}
		for range herd {
			answered.Go(func() {
				came.Done()
				if a, err := f.c.Do(t.Context(), q); err != nil || string(a.Body) != "a" {
					t.Error(a, err)
				}
			})
		}
		answered.Wait()
		require.EqualValues(t, 1, loads.Load())
	}
}
