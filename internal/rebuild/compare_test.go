package rebuild

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/pause"
	"sical-backend/internal/postgres"
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

// waiting holds whoever works back for so long each time, and counts how often.
type waiting struct {
	time.Duration
	n *int
}

func (w waiting) wait(ctx context.Context, _ int, _ time.Duration) error {
	*w.n++
	pause.For(ctx, w.Duration)
	return ctx.Err()
}

// TestCompareYieldsForLong: beside traffic a comparison may wait for longer than the server
// lets others be idle in a transaction.
func TestCompareYieldsForLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	for len(w.goals) <= page {
		w.some(1000)
	}
	b := w.filled(v, 1, 1<<20)
	const most = 100 * time.Millisecond
	pool, err := postgres.Open(t.Context(), w.pool.Config().ConnString(), postgres.Options{
		Params: map[string]string{"idle_in_transaction_session_timeout": most.String()}})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	waits := 0
	outcome, err := compare(t.Context(), pool, v, b, b, waiting{3 * most, &waits})
	require.NoError(t, err)
	assert.True(t, outcome.Equal())
	assert.Positive(t, waits)
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

// What is between two builds is held in memory, so it is its size that counts as well.
func TestCompareTooMuchBetween(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(10)
	before := w.filled(projections.Goal.View, 1, 1<<20)
	w.some(1000)
	after := w.filled(projections.Goal.View, 1, 1<<20)
	_, err := compare(t.Context(), w.pool, projections.Goal.View, before, after, unhurried{})
	require.NoError(t, err)
	w.exec(`update sical.events set data = (data::jsonb || jsonb_build_object('long', repeat('x', 400000)))::json
		where position in (select position from sical.events where type like 'goal.%' and position > 10 limit 100)`)
	_, err = compare(t.Context(), w.pool, projections.Goal.View, before, after, unhurried{})
	var apart *ApartError
	require.ErrorAs(t, err, &apart)
	assert.Equal(t, uint64(1000), apart.Events)
}

// A next version may have a column that the one before has not: their rows are compared without.
func TestCompareOtherColumns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next := projections.Goal.View
	old := *next
	old.Version--
	old.Columns = slices.DeleteFunc(slices.Clone(old.Columns), func(c projections.Column) bool { return c.Name == "status" })
	old.Indexes = nil
	w.some(300)
	w.running(&old)
	w.ends(&old, Done)
	w.running(next)
	var outcome Outcome
	require.NoError(t, json.Unmarshal(w.ends(next, Done).Outcome, &outcome))
	assert.NotZero(t, outcome.Rows)
	assert.True(t, outcome.Equal(), outcome)
}
