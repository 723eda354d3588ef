package rebuild

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// TestOldBuildIsDroppedOnceNobodyReadsIt: somebody reads it for longer than a drop waits.
func TestOldBuildIsDroppedOnceNobodyReadsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal
	w.some(500)
	w.running(v)
	w.ends(v, Done)
	first := v.Build(w.serving(v))
	require.NoError(t, Start(t.Context(), w.pool, v, Request{}))
	w.ends(v, Done)
	reader, err := w.admin.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = reader.Rollback(t.Context()) }()
	_, err = reader.Exec(t.Context(), "select count(*) from "+first.Table())
	require.NoError(t, err)

	require.NoError(t, Start(t.Context(), w.pool, v, Request{}))
	w.ends(v, Done)
	waits := func(is bool) {
		testkit.Eventually(t, func() error {
			if (w.waits("AccessExclusiveLock") > 0) != is {
				return errors.New("the drop waits, or waits no more")
			}
			return nil
		})
	}
	waits(true)
	waits(false) // it has given up
	require.NoError(t, reader.Rollback(t.Context()))
	testkit.Eventually(t, func() error {
		if w.stands(first) {
			return errors.New("nobody has dropped it")
		}
		return nil
	})
}
