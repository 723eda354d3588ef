package cache

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// of asks for an answer of "v" at 10 and of "w" at 30, which depends on a row of each.
func of(text string) Question {
	at := func(view string, position uint64) projections.Checkpoint {
		return projections.Checkpoint{Build: projections.Build{View: view, Version: 1, Number: 1}, Shards: []uint64{position}}
	}
	return Question{
		Key: "q", Views: []string{"w", "v"}, Deps: func() []string { return []string{"v/1", "w/1"} },
		Load: func(context.Context) (Answer, error) {
			return Answer{Body: []byte(text), Checkpoints: []projections.Checkpoint{at("w", 30), at("v", 10)}}, nil
		},
	}
}

// Each view that an answer was read from stands where it stood: one that lags outdates it by
// its own changes alone, and the other by those that it has not had.
func TestWhatIsReadOfTwoViewsIsKeptWhileOneLags(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		heard    []wire.Notice
		want     string
		position uint64
	}{
		"the later has changed before it was read": {nil, "old", 10},
		"the later goes on":                        {[]wire.Notice{{View: "w", From: 30, To: 40, Keys: []string{"w/2"}}}, "old", 10},
		"the later changes":                        {[]wire.Notice{{View: "w", From: 30, To: 40, Keys: []string{"w/1"}}}, "new", 10},
		"the earlier goes on":                      {[]wire.Notice{{View: "v", From: 10, To: 25, Keys: []string{"v/2"}}}, "old", 25},
		"the earlier goes further":                 {[]wire.Notice{{View: "v", From: 10, To: 40, Keys: []string{"v/2"}}}, "old", 30},
		"the earlier changes":                      {[]wire.Notice{{View: "v", From: 10, To: 25, Keys: []string{"v/1"}}}, "new", 10},
		"the earlier changes too much to list":     {[]wire.Notice{{View: "v", From: 10, To: 25, All: true}}, "new", 10},
		"the earlier has a hole":                   {[]wire.Notice{{View: "v", From: 12, To: 25}}, "new", 10},
		"the earlier rests":                        {[]wire.Notice{{View: "v", From: 10, To: 10, State: wire.ViewPaused}}, "old", 10},
		"somebody is erased":                       {[]wire.Notice{{View: "v", From: 10, To: 10, Forget: true}}, "new", 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFloored(t, "w")
			hear := func(n wire.Notice) {
				n.Version, n.Build, n.Epoch, n.Saved = 1, 1, 1, n.To
				f.hear(n)
			}
			hear(wire.Notice{View: "v", To: 10, Keys: []string{"v/1"}})
			hear(wire.Notice{View: "w", To: 30, Keys: []string{"w/1"}})
			a, err := f.c.Do(t.Context(), of("old"))
			require.NoError(t, err)
			require.EqualValues(t, 10, a.Position)
			for _, n := range c.heard {
				hear(n)
			}
			a, err = f.c.Do(t.Context(), of("new"))
			require.NoError(t, err)
			require.Equal(t, c.want, string(a.Body))
			require.Equal(t, c.position, a.Position)
		})
	}
}

// However much changes in the other views, what is read of one that rests stays.
func TestWhatGoesOnOutdatesNothingOfWhatRests(t *testing.T) {
	t.Parallel()
	f := newFloored(t, "w")
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, To: 10, Saved: 10})
	_, err := f.c.Do(t.Context(), question("old", 10))
	require.NoError(t, err)
	_, err = f.c.Do(t.Context(), of("old"))
	require.NoError(t, err)
	n := wire.Notice{View: "w", Version: 1, Build: 1, Epoch: 1, To: 30, Saved: 30}
	for key := range 4 * slots { // each floor, but for one in fifty
		n.Keys = append(n.Keys, rowOf("w", 2+key))
	}
	f.hear(n)
	a, err := f.c.Do(t.Context(), question("new", 10))
	require.NoError(t, err)
	require.Equal(t, "old", string(a.Body))
	require.EqualValues(t, 10, a.Position)
}

// What is read of many views counts them all, wherever they stand.
func TestEachOfManySourcesCounts(t *testing.T) {
	t.Parallel()
	var others []string
	for n := range mostViews - 1 {
		others = append(others, fmt.Sprintf("w%03d", n))
	}
	f := newFloored(t, others...)
	for place, v := range f.p.views {
		f.hear(wire.Notice{View: v.Name, Version: 1, Build: 1, Epoch: 1, To: uint64(1000 - place), Saved: uint64(1000 - place)})
	}
	for place, v := range f.p.views {
		row, at := v.Name+"/1", uint64(1000-place)
		e := &entry{ends: 1 << 62}
		var sources []source
		for _, v := range f.p.views {
			sources = append(sources, source{v, v.applied.Load()})
		}
		e.write("q", Answer{}, sources, []string{row})
		e.generation = f.p.generation.Load()
		position, current := e.current(f.p, 0)
		require.True(t, current)
		require.EqualValues(t, 1000-(len(f.p.views)-1), position)
		f.hear(wire.Notice{View: v.Name, Version: 1, Build: 1, Epoch: 1, From: at, To: at + 1, Saved: at + 1, Keys: []string{row}})
		_, current = e.current(f.p, 0)
		require.False(t, current)
	}
}
