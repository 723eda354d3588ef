package cache

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// Flips and parks are known by looks at the registry alone: that these fail is told once, and
// that they do not any more.
func TestLooksThatFailAreTold(t *testing.T) {
	t.Parallel()
	admin, pool, _ := oneView(t)
	var log testkit.Log
	p := newPositions(pool, nil)
	p.registry.Logger = log.Logger()
	exec := func(sql string) {
		t.Helper()
		_, err := admin.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	told := func(begun, ended int) {
		t.Helper()
		require.Equal(t, []int{begun, ended}, []int{log.Count("level=WARN"), log.Count("level=INFO")})
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	require.False(t, p.poll(ctx, true))
	require.True(t, p.poll(t.Context(), true))
	told(0, 0)
	exec(`revoke select on sical.parked from sical_query`)
	for range 3 {
		require.False(t, p.poll(t.Context(), false))
	}
	told(1, 0)
	require.NotZero(t, log.Count("permission denied"))
	exec(`grant select on sical.parked to sical_query`)
	for range 3 {
		require.True(t, p.poll(t.Context(), false))
	}
	told(1, 1)
}
