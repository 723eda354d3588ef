package rebuild

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/projections"
)

// TestFill fills builds in one pass and in many, for one shard and for several,
// and holds each against the log folded one event at a time, and against the
// others.
func TestFill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(2000) // enough for four passes where the memory is small
	for _, v := range []*projections.View{projections.Goal.View, projections.Progress.View} {
		first := w.filled(v, 1, 64<<20)
		for _, memory := range []int64{64 << 20, 60_000, 1} {
			b := w.filled(v, 3, memory)
			outcome := w.verify(v, b)
			assert.True(t, outcome.Equal(), "%s within %d bytes: %+v", b, memory, outcome.First)
			assert.Greater(t, outcome.Rows, int64(100))
			assert.Greater(t, outcome.Totals, int64(10))
			outcome, err := compare(t.Context(), w.pool, v, first, b, unhurried{})
			require.NoError(t, err)
			assert.True(t, outcome.Equal(), "%s within %d bytes: %+v", b, memory, outcome.First)
		}
	}
}

func TestFillOfAnEmptyLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.filled(projections.Goal.View, 1, 1<<20)
	assert.True(t, w.verify(projections.Goal.View, b).Equal())
}

// TestVerifyFinds changes what a build holds behind its back.
func TestVerifyFinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(500)
	v := projections.Goal.View
	b := w.filled(v, 2, 1<<20)
	require.True(t, w.verify(v, b).Equal())
	for _, wrong := range []struct{ what, sql, back string }{
		{"a field", `update %s set doc = replace(doc::text, '语言', '言语')::json where id = $1`, `update %s set doc = replace(doc::text, '言语', '语言')::json where id = $1`},
		{"a column", `update %s set category = 'x' where id = $1`, `update %s set category = '语言' where id = $1`},
		{"a row too many", `insert into %[1]s select md5('x')::uuid, owner_id, status, category, visibility, created_at, doc from %[1]s where id = $1`,
			`delete from %s where id = md5('x')::uuid and $1::uuid is not null`},
	} {
		w.exec(fmt.Sprintf(wrong.sql, b.Table()), w.goals[0].id)
		outcome := w.verify(v, b)
		require.NotEmpty(t, outcome.First, wrong.what)
		assert.NotEqual(t, outcome.First[0].Want, outcome.First[0].Got, wrong.what)
		w.exec(fmt.Sprintf(wrong.back, b.Table()), w.goals[0].id)
		require.True(t, w.verify(v, b).Equal(), wrong.what)
	}
	w.exec(fmt.Sprintf(`update %s set value = value + 1 where name = (select min(name) from %[1]s)`, b.TotalTable()))
	outcome := w.verify(v, b)
	require.Equal(t, int64(1), outcome.Differences)
	assert.NotEmpty(t, outcome.First[0].Total)

	w.exec(fmt.Sprintf(`delete from %s where id = $1`, b.Table()), w.goals[0].id)
	outcome = w.verify(v, b)
	require.Greater(t, outcome.Differences, int64(1), "a row and the sums it was in")
	assert.Equal(t, w.goals[0].id.String(), outcome.First[0].Key)
	assert.Empty(t, outcome.First[0].Got)
}

func TestVerifyOfASample(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(2000)
	b := w.filled(projections.Goal.View, 1, 1<<20)
	outcome, err := Verify(t.Context(), VerifyConfig{Pool: w.pool, View: projections.Goal.View, Build: b, Sample: 100})
	require.NoError(t, err)
	assert.True(t, outcome.Equal())
	assert.InDelta(t, 100, outcome.Rows, 60)
	assert.Zero(t, outcome.Totals)
}

// A table is gone through in as many parts as it takes to hold each in memory, by rows or
// by bytes.
func TestVerifyInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(500)
	b := w.filled(projections.Goal.View, 1, 1<<20)
	first := func(c VerifyConfig) (done float64) {
		c.Pool, c.View, c.Build = w.pool, projections.Goal.View, b
		c.Progress = func(d float64) {
			if done == 0 {
				done = d
			}
		}
		outcome, err := Verify(t.Context(), c)
		require.NoError(t, err)
		assert.True(t, outcome.Equal())
		return done // of one part: all events fit a page
	}
	assert.InDelta(t, 1, first(VerifyConfig{}), 1e-9)
	assert.Less(t, first(VerifyConfig{Rows: 10}), .5)
	assert.Less(t, first(VerifyConfig{Bytes: 8 << 10}), .5)
}

// TestFillStopsAtABadEvent: what cannot be decoded is named, what a newer binary
// wrote is stepped over.
func TestFillStopsAtABadEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(100)
	v := projections.Goal.View
	newer := events.Event{Stream: events.StreamOf(events.KindGoal, w.goals[0].id), Version: 1000, Type: "goal.started", Schema: 99, Raw: []byte(`{}`)}
	w.append(newer)
	assert.True(t, w.verify(v, w.filled(v, 1, 1<<20)).Equal())

	bad := newer
	bad.Version, bad.Schema, bad.Raw = 1001, 1, []byte(`{"from":7}`)
	w.append(bad)
	w.some(100)
	r := w.rebuilding(v, 1<<20)
	require.NoError(t, r.prepare(t.Context()))
	err := r.fill(t.Context())
	var named *EventError
	require.True(t, errors.As(err, &named), "%v", err)
	assert.Equal(t, uint64(102), named.Position)
	assert.Contains(t, err.Error(), "event 102 (goal.started of goal-"+w.goals[0].id.String())
}
