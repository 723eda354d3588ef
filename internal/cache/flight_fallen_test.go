package cache

import (
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
	v := &view{}
	v.heard.Store(true)
	v.applied.Store(90)
	p := &Positions{floors: newFloors()}
	e := &entry{position: 79, views: []*view{v}}
	_, ok := e.current(p, 0)
	require.True(t, ok, "no floor says otherwise")
	e.fallen = true
	_, ok = e.current(p, 0)
	require.False(t, ok)
}
