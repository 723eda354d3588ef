package query

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ticking is a limiter with a clock of its own.
type ticking struct {
	*limiter
	at time.Time
}

func limited() *ticking {
	c := &ticking{at: time.Unix(0, 0)}
	c.limiter = newLimiter(20, 320, func() time.Time { return c.at })
	return c
}

// crowd has so many want an answer at any time, of a database that gives one every
// so often, for a while. Each takes as long as it has to stand in line. It tells how
// many were answered, how many refused, and the longest of the last second.
func (c *ticking) crowd(t *testing.T, wanting int, every, during time.Duration) (answered, refused int, longest time.Duration) {
	var line []time.Time
	for end := c.at.Add(during); c.at.Before(end); {
		for len(line) < wanting {
			began, err := c.enter()
			if err != nil {
				require.ErrorIs(t, err, ErrOverloaded)
				refused++
				break // whoever is refused comes back a little later
			}
			line = append(line, began)
		}
		c.at = c.at.Add(every)
		if len(line) > 0 {
			if took := c.at.Sub(line[0]); end.Sub(c.at) < time.Second {
				longest = max(longest, took)
			}
			c.leave(line[0], nil)
			line = line[1:]
			answered++
		}
	}
	for _, began := range line {
		c.leave(began, errors.New("nobody waits for it any more"))
	}
	return answered, refused, longest
}

// TestTheLimitFollowsTheDatabase: whatever that can, an answer takes about as long
// as it should, and the database is never without work.
func TestTheLimitFollowsTheDatabase(t *testing.T) {
	t.Parallel()
	c := limited()
	for _, every := range []time.Duration{time.Millisecond, 100 * time.Microsecond, 3 * time.Millisecond, 500 * time.Microsecond} {
		answered, refused, longest := c.crowd(t, 5000, every, 100*loadTarget)
		require.Equal(t, int((100*loadTarget-1)/every)+1, answered, "it always had something to do")
		require.NotZero(t, refused)
		require.Less(t, longest, 2*loadTarget)
		_, limit := c.state()
		require.InDelta(t, float64(loadTarget/every), limit, .5*float64(loadTarget/every))
	}
}

// TestNobodyIsRefusedWithoutNeed: few who ask may take as long as they do.
func TestNobodyIsRefusedWithoutNeed(t *testing.T) {
	t.Parallel()
	c := limited()
	_, refused, _ := c.crowd(t, 20, time.Second, 10*time.Minute)
	require.Zero(t, refused)
	_, limit := c.state()
	require.Equal(t, 20, limit)
}

// TestTheLimitRecovers: once the rush is over, the next one is let in as the first was.
func TestTheLimitRecovers(t *testing.T) {
	t.Parallel()
	c := limited()
	c.crowd(t, 5000, loadTarget/25, 100*loadTarget)
	_, rushed := c.state()
	require.Less(t, rushed, 50)
	c.crowd(t, 5, time.Millisecond, 10*time.Second)
	_, after := c.state()
	require.GreaterOrEqual(t, after, 320)
}

// TestALimitThatIsNotReachedStays: where nobody more would come, nothing is known of
// how much more there may be; nor where the database refuses at once.
func TestALimitThatIsNotReachedStays(t *testing.T) {
	t.Parallel()
	c := limited()
	_, before := c.state()
	c.crowd(t, before/2, time.Millisecond/10, 5*time.Second)
	_, after := c.state()
	require.Equal(t, before, after)

	for range before {
		began, err := c.enter()
		require.NoError(t, err)
		defer c.leave(began, nil)
	}
	_, err := c.enter()
	require.ErrorIs(t, err, ErrOverloaded)
	for range 1000 {
		c.at = c.at.Add(time.Millisecond)
		c.leave(c.at, errors.New("the database is away"))
		_, err := c.enter()
		require.NoError(t, err)
	}
	_, after = c.state()
	require.Equal(t, before, after)
}
