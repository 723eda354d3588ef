package reconcile

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/bus"
	"sical-backend/internal/relay"
	"sical-backend/internal/wire"
)

// publishOver has the stream hold ten events that the log has lost, from position 21 on, with
// others on top that it has.
func (w *world) publishOver(t *testing.T) jetstream.Stream {
	t.Helper()
	w.log.Add(t, 30)
	lost, err := w.log.Range(t.Context(), 21, 30)
	require.NoError(t, err)
	w.log.PutBack(t, 20)
	w.log.Add(t, 20)
	incarnation := w.log.Incarnation(t).String()
	return w.fill(t, 0, func(l []*bus.Message) []*bus.Message {
		for _, e := range lost {
			l[e.Position-1] = wire.Encode(e, incarnation)
		}
		return l
	})
}

// Where a relay has published on top of what the log has lost, all that it looks at is right.
// Whoever keeps a position has to learn that some were given a second time.
func TestHistoryThatWasPublishedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publishOver(t)
	before := w.log.Incarnation(t)
	r := w.compares(t, Request{})
	assert.Equal(t, 10, r.Foreign)
	assert.Equal(t, before, w.log.Incarnation(t), "to look changes nothing")

	r, err := w.Reconcile(t.Context(), Request{})
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

// What the stream keeps is its owner's to say, whatever a guest makes it anew for.
func TestGuestLeavesWhatAStreamPublishedOverKeeps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.publishOver(t).CachedInfo().Config
	config.MaxBytes, config.MaxAge = 50<<20, time.Hour
	_, err := w.js.UpdateStream(t.Context(), config)
	require.NoError(t, err)
	w.config.Guest = true
	w.Relay, err = relay.New(w.config)
	require.NoError(t, err)
	before := w.log.Incarnation(t)

	r, err := w.Reconcile(t.Context(), Request{})
	require.NoError(t, err)
	assert.True(t, r.Repaired)
	assert.NotEqual(t, before, w.log.Incarnation(t))
	stream, err := w.js.Stream(t.Context(), wire.Stream)
	require.NoError(t, err)
	found := stream.CachedInfo()
	assert.NotEqual(t, r.created, found.Created)
	assert.Equal(t, []any{config.MaxBytes, config.MaxAge}, []any{found.Config.MaxBytes, found.Config.MaxAge})
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
