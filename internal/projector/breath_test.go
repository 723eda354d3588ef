package projector

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAViewBreathesForItsBatch(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, c := range []struct {
		took   time.Duration
		events int
		want   time.Duration
	}{
		{1 * ms, 1, shortBreath},
		{3 * ms, 1, 3 * ms},
		{9 * ms, 10, longBreath}, // 1,000 a second
		{9 * ms, 50, longBreath},
		{9 * ms, 51, 51 * eventBreath},
		{200 * ms, 200, 20 * ms},
		{200 * ms, 10_000, deepBreath},
	} {
		require.Equal(t, c.want, breath(c.took, c.events), "%v %d", c.took, c.events)
	}
}
