package rebuild

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// TestPacerYieldsToTrafficAlone: a slow database is no reason to hold back where nobody
// uses it, and few requests are nobody.
func TestPacerYieldsToTrafficAlone(t *testing.T) {
	t.Parallel()
	p := newPacer(nil, 0, nil)
	at := time.Unix(0, 0)
	after := func(d time.Duration, seen traffic) bool {
		at = at.Add(d)
		return p.used(seen, at)
	}
	assert.False(t, after(0, traffic{head: 7, scans: 100, requests: 100}), "what was before is not known")
	for n := range uint64(20) { // four a second
		assert.False(t, after(250*time.Millisecond, traffic{7, 100, 100 + n}))
	}
	assert.True(t, after(time.Second, traffic{8, 100, 120}), "an append")
	assert.True(t, after(time.Second, traffic{8, 100, 120}))
	assert.False(t, after(2*time.Second, traffic{8, 100, 120}), "it was the only one")
	assert.True(t, after(100*time.Millisecond, traffic{8, 105, 120}), "reads of the tables")
	assert.False(t, after(3*time.Second, traffic{8, 105, 120}))
	assert.True(t, after(100*time.Millisecond, traffic{8, 105, 125}), "requests")

	p.adjust(false, false)
	assert.Equal(t, 1.0, p.share)
	p.adjust(true, true)
	assert.Equal(t, firstShare, p.share)
	for range 100 {
		p.adjust(true, true)
	}
	assert.Equal(t, mostShare, p.share)
	p.adjust(true, false)
	assert.Equal(t, mostShare/2, p.share)
	for range 100 {
		p.adjust(true, false)
	}
	assert.Equal(t, leastShare, p.share)
	p.adjust(false, true)
	assert.Equal(t, 1.0, p.share)
}

// TestPacerIsPaidByAll: who works beside others waits for what they have worked, too.
func TestPacerIsPaidByAll(t *testing.T) {
	t.Parallel()
	p := newPacer(nil, 0, nil)
	begun := time.Now()
	require.NoError(t, p.wait(t.Context(), 1000, time.Hour), "alone, nothing is paid for")
	p.share = 0.25
	done := make(chan error, 3)
	for range cap(done) {
		go func() { done <- p.wait(t.Context(), 1000, 2*time.Millisecond) }()
	}
	for range cap(done) {
		require.NoError(t, testkit.Receive(t, done))
	}
	assert.GreaterOrEqual(t, time.Since(begun), 18*time.Millisecond)
}

// TestPacerOwesNothingForStandingStill: a process that stood still has not worked meanwhile.
func TestPacerOwesNothingForStandingStill(t *testing.T) {
	t.Parallel()
	p := newPacer(nil, 0, nil)
	p.share = leastShare
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, p.wait(ctx, 1000, time.Hour), context.Canceled)
	assert.Less(t, time.Until(p.rested), 5*time.Second)
}

// TestPacerCountsWhatIsFolded: what nobody folds any more falls ever further behind and holds
// no rebuild back, be it an older version that is kept, with an owner that is gone or without
// one, or a view that there is no more. What another process folds does.
func TestPacerCountsWhatIsFolded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.some(liveLag + 100)
	w.exec(`insert into sical.projector (owner, knows, lease_until) values
		('here', '{}', now() + interval '1 hour'), ('gone', '{}', now() - interval '1 second')`)
	w.exec(`insert into sical.view_version (view, version, serving, previous) values
		('goal', 1, 1, null), ('goal', 2, 2, 1), ('progress', 1, 1, null), ('removed', 1, 1, null)`)
	w.exec(`insert into sical.projection (view, version, build, shard, position, incarnation, owner, state)
		select view, version, build, shard, position, incarnation, owner, state from sical.log, (values
			('goal', 1, 1, 0, 3, null, 'live'), ('goal', 2, 2, 0, $1, 'here', 'live'), ('goal', 2, 2, 1, $1 - 5, 'here', 'live'),
			('goal', 2, 1, 0, 4, 'here', 'live'), -- not read any more
			('progress', 1, 1, 0, 2, 'here', 'paused'), ('removed', 1, 1, 0, 1, 'gone', 'live')
		) made (view, version, build, shard, position, owner, state)`, int64(w.at))
	p := newPacer(w.pool, 0, func() uint64 { return 7 })
	lags := func(want int64) {
		t.Helper()
		seen, lag, err := p.probe(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, lag)
		require.Equal(t, int64(w.at), seen.head)
		require.EqualValues(t, 7, seen.requests)
	}
	lags(5)
	w.exec(`update sical.projection set owner = 'here' where version = 1 and view in ('goal', 'removed')`)
	lags(int64(w.at) - 1) // an older release is still there, and those who ask it wait for it
}
