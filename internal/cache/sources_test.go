package cache

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// both asks for an answer of "v" and "w" at the positions, which depends on a row of each.
func both(text string, v, w uint64) Question {
	at := func(view string, position uint64) projections.Checkpoint {
		return projections.Checkpoint{Build: projections.Build{View: view, Version: 1, Number: 1}, Shards: []uint64{position}}
	}
	return Question{
		Key: "q", Views: []string{"w", "v"}, Deps: func() []string { return []string{"v/1", "w/1"} },
		Load: func(context.Context) (Answer, error) {
			return Answer{Body: []byte(text), Checkpoints: []projections.Checkpoint{at("w", w), at("v", v)}}, nil
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
		"the later changes too much to list":       {[]wire.Notice{{View: "w", From: 30, To: 40, All: true}}, "new", 10},
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
			a, err := f.c.Do(t.Context(), both("old", 10, 30))
			require.NoError(t, err)
			require.EqualValues(t, 10, a.Position)
			for _, n := range c.heard {
				hear(n)
			}
			a, err = f.c.Do(t.Context(), both("new", 10, 30))
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

// An answer is current up to where each of its views was read, or has come since.
func TestEachOfManySourcesCounts(t *testing.T) {
	t.Parallel()
	f := newFloored(t, "w0", "w1", "w2", "w3", "w4", "w5")
	hear := func(v *view, n wire.Notice) {
		n.View, n.Version, n.Build, n.Epoch, n.Saved = v.Name, 1, 1, 1, n.To
		f.hear(n)
	}
	for place, v := range f.p.views {
		v.floors.apart(v.Name, v.Name+"/1", v.Name+"/2")
		hear(v, wire.Notice{To: uint64(100 - place)})
	}
	written := func(names ...string) *entry {
		e := &entry{ends: 1 << 62, generation: f.p.generation.Load()}
		var sources []source
		for _, v := range f.p.views {
			sources = append(sources, source{v, v.applied.Load()})
		}
		e.write("q", Answer{}, sources, names)
		return e
	}
	for place, v := range f.p.views {
		least := uint64(100 - (len(f.p.views) - 1))
		e := written(v.Name + "/1")
		position, current := e.current(f.p, least)
		require.True(t, current)
		require.Equal(t, least, position)
		_, current = e.current(f.p, least+1)
		require.False(t, current, "it is not known to be")

		v.heard.Store(false)
		_, current = e.current(f.p, 0)
		require.False(t, current, "nothing is heard of one")
		v.heard.Store(true)

		at := uint64(100 - place)
		hear(v, wire.Notice{From: at, To: at + 1000, Keys: []string{v.Name + "/1"}})
		_, current = e.current(f.p, 0)
		require.False(t, current, "one has changed")
		_, current = written(v.Name+"/1").current(f.p, 0)
		require.True(t, current, "it was read since")
	}
	position, current := written().current(f.p, 0)
	require.True(t, current)
	require.EqualValues(t, 1100-(len(f.p.views)-1), position)
}

// What a load has read may be further than what is known to be applied.
func TestWhatIsReadMayBeAheadOfWhatIsHeard(t *testing.T) {
	t.Parallel()
	f := loaded(t)
	q := question("ahead", 20)
	q.Key = "another"
	for range 2 { // loaded, and kept
		a, err := f.c.Do(t.Context(), q)
		require.NoError(t, err)
		require.EqualValues(t, 20, a.Position)
	}
	f.hear(wire.Notice{View: "v", Version: 1, Build: 1, Epoch: 1, From: 10, To: 20, Saved: 20, All: true})
	q.Load = func(context.Context) (Answer, error) { return Answer{}, errors.New("it is loaded again") }
	a, err := f.c.Do(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, "ahead", string(a.Body), "it has what has changed")
}

// What had changed in a log that is no more outdates nothing in the next one, whose positions
// begin lower.
func TestAnotherLogBeginsWithoutFloors(t *testing.T) {
	t.Parallel()
	f := newFloored(t, "w")
	for _, name := range []string{"v", "w"} {
		f.hear(wire.Notice{View: name, Version: 1, Build: 1, Epoch: 1, To: 100, Saved: 100, Keys: []string{rowOf(name, 1)}, All: true})
	}
	another := uuid.New()
	for _, name := range []string{"w", "v"} {
		f.p.take(f.p.view(name), []checkpoint{{View: name, Version: 1, Build: 1, Position: 30, State: wire.ViewLive, Incarnation: another}}, time.Now())
	}
	q := both("kept", 30, 30)
	for range 2 {
		_, err := f.c.Do(t.Context(), q)
		require.NoError(t, err)
		q.Load = func(context.Context) (Answer, error) { return Answer{}, errors.New("it is loaded again") }
	}
}

// Each view has names that are no other's.
func TestViewsWhoseNamesCouldBeTakenForAnothers(t *testing.T) {
	t.Parallel()
	for _, names := range [][2]string{{"path", "paths"}, {"paths", "path"}, {"path", "path"}} {
		require.Panics(t, func() {
			NewPositions(Config{Views: []*projections.View{{Name: names[0]}, {Name: names[1]}}})
		})
	}
	require.NotPanics(t, func() { NewPositions(Config{Views: projections.Views()}) })
}
