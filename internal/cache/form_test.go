package cache

import (
	"bytes"
	"context"
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
