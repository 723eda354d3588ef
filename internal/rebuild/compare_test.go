package rebuild

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/projections"
)

// TestCompareApart: builds that are not equally far are equal where the events
// between explain all that differs.
func TestCompareApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(1000)
	for _, v := range []*projections.View{projections.Goal.View, projections.Progress.View} {
		before := w.filled(v, 2, 1<<20)
		w.some(300)
		after := w.filled(v, 3, 1<<20)
		for _, pair := range [][2]projections.Build{{before, after}, {after, before}, {before, before}} {
			outcome, err := compare(t.Context(), w.pool, v, pair[0], pair[1], unhurried{})
			require.NoError(t, err)
			assert.True(t, outcome.Equal(), "%v: %+v", pair, outcome.First)
			assert.Greater(t, outcome.Rows, int64(100))
		}
		w.exec(fmt.Sprintf(`delete from %s where doc::text = (select min(doc::text) from %[1]s)`, after.Table()))
		w.exec(fmt.Sprintf(`update %s set value = value + 1 where name = (select min(name) from %[1]s) and shard = (select min(shard) from %[1]s)`, before.TotalTable()))
		outcome, err := compare(t.Context(), w.pool, v, before, after, unhurried{})
		require.NoError(t, err)
		assert.Equal(t, int64(2), outcome.Differences, "%+v", outcome.First)
	}
}

func TestCompareTooFarApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(10)
	before := w.filled(projections.Goal.View, 1, 1<<20)
	w.exec(`update sical.projection set position = position + $1`, maxApart+1)
	after := w.filled(projections.Goal.View, 1, 1<<20)
	_, err := compare(t.Context(), w.pool, projections.Goal.View, before, after, unhurried{})
	var apart *ApartError
	require.ErrorAs(t, err, &apart)
	assert.Equal(t, uint64(maxApart+1), apart.Events)
}
