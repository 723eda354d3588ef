package admission

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestFewComeLate: of what is let in hardly anything comes later than twice the target,
// though some take many times as long as others, be there many in line or few, and the
// rush of the beginning with it. That the average comes in time is not enough: half of
// them come after it.
func TestFewComeLate(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{time.Millisecond, 5 * time.Millisecond, 15 * time.Millisecond} {
		spread := rand.New(rand.NewPCG(1, 2))
		c := limited()
		answered, late := 0, 0
		for end := c.at.Add(20 * time.Second); c.at.Before(end); answered++ {
			c.rush(5) // for one that is answered
			c.shed()
			c.at = c.at.Add(time.Duration(spread.ExpFloat64() * float64(every)))
			require.NotEmpty(t, c.line)
			if c.at.Sub(c.line[0]) > 2*loadTarget {
				late++
			}
			c.leave(c.line[0], nil)
			c.line = c.line[1:]
		}
		require.Less(t, late, answered/100, "of %d, one every %v", answered, every)
	}
}

// TestALookTakesNoRoom, and tells what who asks would be told.
func TestALookTakesNoRoom(t *testing.T) {
	t.Parallel()
	c := limited()
	_, limit := c.State()
	for range limit {
		require.NoError(t, c.Room())
		require.NoError(t, c.Room())
		_, err := c.enter()
		require.NoError(t, err)
	}
	for range 2 {
		require.ErrorAs(t, c.Room(), new(*OverloadError))
	}
	underWay, _ := c.State()
	require.Equal(t, limit, underWay)
	require.Equal(t, 2, c.refused)
	c.leave(c.at, nil)
	require.NoError(t, c.Room())
}
