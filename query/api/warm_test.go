package api

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

var hotTargets = []string{"/v1/popular-goals", "/v1/trending-points", "/v1/statistics"}

// TestWarm: once warm, the hot questions are answered without the database, and
// only what changes is read again. Who asks for that may have little time.
func TestWarm(t *testing.T) {
	t.Parallel()
	sent := &statements{}
	w := newWorld(t, sent)
	w.register("ann")
	w.project()
	hurried, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	// What is loaded before the node has heard of the views is not kept.
	w.eventually(func() error {
		w.api.warm.Store(false)
		if err := w.api.Warm(hurried); err != nil {
			return err
		}
		sent.take()
		for _, target := range hotTargets {
			require.Equal(t, ok, w.get(target, "").status)
		}
		if len(sent.take()) > 0 {
			return errors.New("the database was asked")
		}
		return nil
	})
	require.NoError(t, w.api.Warm(t.Context()))
	require.Empty(t, sent.take(), "nothing is loaded again")
}

// TestWarmFails: a node whose tables are not there is not ready.
func TestWarmFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	_, err := w.admin.Exec(t.Context(), `drop schema sical_read cascade`)
	require.NoError(t, err)
	require.Error(t, w.api.Warm(t.Context()))
	require.Error(t, w.api.Warm(t.Context()), "nor when it is asked again")
}
