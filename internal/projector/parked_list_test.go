package projector

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/telemetry"
	"sical-backend/internal/testkit"
	"sical-backend/projections"
)

// TestParkedOfOtherVersionsIsTheirs: a fold was mended in another version of the view, and
// what the one before holds back stays as it is. It is neither told of nor tried again.
func TestParkedOfOtherVersionsIsTheirs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := projections.Goal.View
	registry := prometheus.NewRegistry()
	_, stop := w.start(func(c *Config) { c.Metrics = telemetry.NewProjection(registry) }, v)
	w.some(10)
	w.reaches(10, v)
	told := func(want float64) {
		t.Helper()
		testkit.Eventually(t, func() error {
			families, err := registry.Gather()
			for _, f := range families {
				if f.GetName() == "sical_projection_parked" {
					if got := f.GetMetric()[0].GetGauge().GetValue(); got != want {
						return fmt.Errorf("%v are parked, not %v", got, want)
					}
				}
			}
			return err
		})
	}
	w.run(`with built as (
			insert into sical.projection (view, version, build, shard, state, incarnation)
			select $1, made.version, build, 0, 'building', incarnation
			from sical.log, (values ($2::int - 1, 1), ($2 + 1, 1), ($2, 2)) made (version, build)
			returning version, build
		)
		insert into sical.parked (view, version, build, shard, name, position, stream, type, names, error, attempts)
		select $1, version, build, 0, name, 1, '', '', '{}', '', 3
		from (table built union all select $2, 1) b, unnest(array['a', 'b', 'c']) name where version <> $2 or name <> 'c'`, v.Name, v.Version)
	told(4) // of both builds of the version
	w.run(`delete from sical.parked where view = $1 and version = $2`, v.Name, v.Version)
	told(0)
	stop()
	require.ErrorIs(t, Retry(t.Context(), w.admin, v, ""), ErrNotParked)
}
