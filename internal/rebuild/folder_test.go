package rebuild

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/projections"
)

// Two keys of one spread key have a row each, also once the folder has let go of others.
func TestTwinsHaveARowEach(t *testing.T) {
	t.Parallel()
	f := newFolder(whole.last, 0)
	keys := make([]projections.Key, 3)
	for i := range keys {
		keys[i] = projections.Key{A: uuid.New(), B: uuid.New()}
		f.row(keys[i], 7).value = i
	}
	for range 2 {
		for i, k := range keys {
			require.Equal(t, row{k, i}, *f.row(k, 7))
		}
	}
	require.Len(t, f.rows, len(keys))
}

func TestShedKeepsWhatIsBelowTheLimit(t *testing.T) {
	t.Parallel()
	f := newFolder(whole.last, 0)
	const n = 1000
	for i := range n {
		k := projections.Key{A: uuid.New()}
		r := f.row(k, spread(k))
		if i%10 > 0 { // the tenth was met, and is gone
			r.value = &k
		}
	}
	before := f.rows
	f.shed(whole.half().last)
	require.NotEmpty(t, f.rows)
	require.Less(t, len(f.rows), n*9/10)
	kept := 0
	for _, r := range before {
		if below := spread(r.key) <= whole.half().last; below && r.value != nil {
			require.Same(t, r.value, f.row(r.key, spread(r.key)).value)
			kept++
		}
	}
	require.Len(t, f.rows, kept)
	require.Equal(t, whole.half().last, f.limit)
}
