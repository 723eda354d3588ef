package reconcile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/bus"
	"sical-backend/internal/wire"
)

// Where a relay has published on top of what the log has lost, all that it looks at is right.
// Whoever keeps a position has to learn that some were given a second time.
func TestHistoryThatWasPublishedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.Add(t, 30)
	lost, err := w.log.Range(t.Context(), 21, 30)
	require.NoError(t, err)
	w.log.PutBack(t, 20)
	w.log.Add(t, 20)
	before := w.log.Incarnation(t)
	w.fill(t, 0, func(l []*bus.Message) []*bus.Message {
		for _, e := range lost {
			l[e.Position-1] = wire.Encode(e, before.String())
		}
		return l
	})
	r := w.compares(t, Request{})
	assert.Equal(t, 10, r.Foreign)
	assert.Equal(t, before, w.log.Incarnation(t), "to look changes nothing")

	r, err = w.Reconcile(t.Context(), Request{})
	require.NoError(t, err)
	assert.True(t, r.Repaired)
	after := w.log.Incarnation(t)
	assert.NotEqual(t, before, after)
	var reason string
	require.NoError(t, w.log.Admin.QueryRow(t.Context(), `select reason from sical.incarnation where id = $1`, after).Scan(&reason))
	assert.Contains(t, reason, "message 21 ")
	r = w.compares(t, Request{})
	assert.Zero(t, r.Found())
}

// What was found of a history that has ended since is no witness against the next one.
func TestHistoryThatHasEndedSince(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.log.Add(t, 30)
	w.fill(t, 0, func(l []*bus.Message) []*bus.Message {
		l[10], l[20] = l[20], l[10]
		return l
	})
	r, err := w.compare(t.Context(), Request{})
	require.NoError(t, err)
	next, err := w.log.Relay.BeginIncarnation(t.Context(), r.Incarnation, "another has found it")
	require.NoError(t, err)
	require.NoError(t, w.mend(t.Context(), &r))
	assert.Equal(t, next, w.log.Incarnation(t))
	r = w.compares(t, Request{})
	assert.Zero(t, r.Found())
}
