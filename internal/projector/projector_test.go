package projector

import (
	"testing"

	"sical-backend/projections"
)

var both = []*projections.View{projections.Goal.View, projections.Progress.View}

// What batches of any size make of the log is what folding event by event makes.
func TestBatchesEqualSingleEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(3000)
	w.start(nil, both...)
	w.reaches(3000, both...)
	for _, n := range []int{1, 2, 37, 500} { // live now: rows that stand already
		w.some(n)
		w.reaches(uint64(len(w.log)), both...)
	}
	for _, v := range both {
		w.exact(v)
	}
}
