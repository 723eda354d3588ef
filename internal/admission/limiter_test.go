package admission

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ticking is a limiter with a clock of its own.
type ticking struct {
	*Limiter
	at    time.Time
	line  []time.Time   // when each began who is under way
	delay time.Duration // before they come
}

func limited() *ticking {
	c := &ticking{at: time.Unix(0, 0)}
	c.Limiter = NewLimiter(20, 320, 10, func() time.Time { return c.at }, func() time.Duration { return c.delay })
	return c
}

// crowd has so many want an answer at any time, of a database that gives one every
// so often, for a while. Each takes as long as it has to stand in line. It tells how
// many were answered, how many refused, and the longest of the last second.
func (c *ticking) crowd(t *testing.T, wanting int, every, during time.Duration) (answered, refused int, longest time.Duration) {
	for end := c.at.Add(during); c.at.Before(end); {
		for len(c.line) < wanting {
			began, err := c.enter()
			if err != nil {
				require.ErrorAs(t, err, new(*OverloadError))
				refused++
				break // whoever is refused comes back a little later
			}
			c.line = append(c.line, began)
		}
		refused += c.shed()
		c.at = c.at.Add(every)
		if len(c.line) > 0 {
			if took := c.at.Sub(c.line[0]); end.Sub(c.at) < time.Second {
				longest = max(longest, took)
			}
			c.leave(c.line[0], nil)
			c.line = c.line[1:]
			answered++
		}
	}
	return answered, refused, longest
}

// rush has so many more ask, of whom those wait in line who are let in.
func (c *ticking) rush(n int) {
	for range n {
		if began, err := c.enter(); err == nil {
			c.line = append(c.line, began)
		}
	}
}

// shed refuses those whose turn it is too late.
func (c *ticking) shed() (refused int) {
	for ; len(c.line) > 0; refused++ {
		err := c.late(c.line[0], 1)
		if err == nil {
			break
		}
		c.leave(c.line[0], err)
		c.line = c.line[1:]
	}
	return refused
}

// disperse ends the crowd.
func (c *ticking) disperse() {
	for _, began := range c.line {
		c.leave(began, errors.New("nobody waits for it any more"))
	}
	c.line = nil
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
		_, limit := c.State()
		require.InDelta(t, float64(loadTarget/every), limit, .1*float64(loadTarget/every))
	}
}

// TestAWaitForAProcessorCounts: who has waited for long before the limiter sees them has
// their answer in as good time as others, and where that is too long already, processors
// are left to those who are refused. Once the wait is over it is as before.
func TestAWaitForAProcessorCounts(t *testing.T) {
	t.Parallel()
	c := limited()
	const every = time.Millisecond
	fits := func(limit int) {
		_, _, longest := c.crowd(t, 5000, every, 100*loadTarget)
		require.Less(t, longest+c.delay, 2*loadTarget)
		_, most := c.State()
		require.InDelta(t, limit, most, .25*float64(limit))
	}
	fits(int(loadTarget / every))
	c.delay = loadTarget * 3 / 5
	fits(int(loadTarget * 2 / 5 / every))
	c.delay = loadTarget * 5 / 4
	fits(1)
	c.delay = 0
	fits(int(loadTarget / every))
}

// TestNobodyIsRefusedWithoutNeed: few who ask may take as long as they do.
func TestNobodyIsRefusedWithoutNeed(t *testing.T) {
	t.Parallel()
	c := limited()
	_, refused, _ := c.crowd(t, 20, time.Second, 10*time.Minute)
	require.Zero(t, refused)
	_, limit := c.State()
	require.Equal(t, 20, limit)
}

// TestTheLimitRecovers: once the rush is over, the next one is let in as the first was,
// also where a few go on asking.
func TestTheLimitRecovers(t *testing.T) {
	t.Parallel()
	for _, few := range []int{0, 1, 5} {
		c := limited()
		c.crowd(t, 5000, loadTarget/25, 100*loadTarget)
		_, rushed := c.State()
		require.Less(t, rushed, 50)
		c.disperse()
		c.at = c.at.Add(limitWindow)
		if few > 0 {
			c.crowd(t, few, time.Millisecond, time.Second)
		}
		for range 320 - len(c.line) {
			_, err := c.enter()
			require.NoError(t, err, "after %d", few)
		}
	}
}

// TestARushIsKnown: those who come behind what can be answered in good time are
// refused once that has lasted, however quickly each was answered before.
func TestARushIsKnown(t *testing.T) {
	t.Parallel()
	c := limited()
	c.crowd(t, 5000, loadTarget/100, limitWindow+limitGrace+2*loadTarget/100)
	_, limit := c.State()
	require.LessOrEqual(t, limit, 200)
	_, _, longest := c.crowd(t, 5000, loadTarget/100, 3*time.Second)
	require.Less(t, longest, 2*loadTarget)
}

// TestTooManyForAMoment are let in: they wait a little longer. After a moment that was
// over, the next one is no longer than it is.
func TestTooManyForAMoment(t *testing.T) {
	t.Parallel()
	c := limited()
	c.first, c.limit = 1200, 1200 // as many as with ten connections
	for range 20 {
		c.crowd(t, 50, loadTarget/100, 5*time.Second)
		c.crowd(t, 50, limitGrace/2, limitGrace/2) // no progress
		_, refused, _ := c.crowd(t, 300, loadTarget/100, limitGrace/2)
		require.Zero(t, refused)
	}
}

// TestAMomentWithoutProgress hardly moves the limit: nothing may be refused for it.
func TestAMomentWithoutProgress(t *testing.T) {
	t.Parallel()
	c := limited()
	c.crowd(t, 200, time.Millisecond, time.Second)
	_, before := c.State()
	c.crowd(t, 200, 2*limitWindow, 2*limitWindow)
	c.crowd(t, 200, time.Millisecond, limitWindow)
	_, after := c.State()
	require.Greater(t, after, before*3/4)
}

// TestAFailureAtOnceSaysNothing of how much more there may be.
func TestAFailureAtOnceSaysNothing(t *testing.T) {
	t.Parallel()
	c := limited()
	_, before := c.State()
	for range before {
		began, err := c.enter()
		require.NoError(t, err)
		defer c.leave(began, nil)
	}
	_, err := c.enter()
	require.ErrorAs(t, err, new(*OverloadError))
	for range 1000 {
		c.at = c.at.Add(time.Millisecond)
		c.leave(c.at, errors.New("the database is away"))
		_, err := c.enter()
		require.NoError(t, err)
	}
	_, after := c.State()
	require.Equal(t, before, after)
}

// TestWhoIsRefusedIsSpread over as many seconds as there are refused for each answered.
func TestWhoIsRefusedIsSpread(t *testing.T) {
	t.Parallel()
	for _, each := range []int{1, 4, 1000} {
		c := limited()
		c.crowd(t, 5000, loadTarget/100, 4*limitWindow)
		var least, most time.Duration
		for range 400 { // one is answered, another let in, and so many are refused
			c.at = c.at.Add(loadTarget / 100)
			c.leave(c.at.Add(-loadTarget), nil)
			least, most = time.Hour, 0
			for refused := 0; refused < each; {
				_, err := c.enter()
				if over, ok := errors.AsType[*OverloadError](err); ok {
					refused++
					least, most = min(least, over.RetryAfter), max(most, over.RetryAfter)
				}
			}
		}
		require.GreaterOrEqual(t, least, time.Second)
		require.LessOrEqual(t, most, min(time.Duration(each+1), mostRetry)*time.Second)
		if each > 100 {
			require.Less(t, least, 2*time.Second)
			require.Greater(t, most, (mostRetry-1)*time.Second)
		}
	}
}
