package cache

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/projections"
)

// An answer below what had been saved is of a database that fell back: it is good
// for who waits for it, and for nobody later, whatever else is known to be applied.
func TestWhatFellBackIsNotKeptAsCurrent(t *testing.T) {
	t.Parallel()
	build := stood(0)[0].Build
	before := []known{{build: build, applied: 90, saved: 80}, {build: build, applied: 90, saved: 90}}
	at := func(first uint64) []projections.Checkpoint { return append(stood(first), stood(90)...) }
	require.True(t, fallen(at(79), before))
	require.False(t, fallen(at(80), before))
	require.EqualValues(t, 79, stands(at(79), before))
	f := newFloored(t)
	f.hear(Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 90, Saved: 90})
	for _, c := range []struct {
		at   uint64
		kept bool
	}{{90, true}, {79, false}} {
		loads := 0
		for range 2 {
			a, err := f.c.Do(t.Context(), Question{Key: strconv.FormatUint(c.at, 10), Views: []string{"v"}, Load: func(context.Context) (Answer, error) {
				loads++
				return Answer{Body: []byte("x"), Checkpoints: stood(c.at)}, nil
			}})
			require.NoError(t, err)
			require.Equal(t, c.at, a.Position)
		}
		require.Equal(t, c.kept, loads == 1)
	}
}
