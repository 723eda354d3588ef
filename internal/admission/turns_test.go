package admission

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheRushBeforeIsShed: those who came before anybody knew that there is an overload
// are refused when their turn comes too late, and the work goes to those it is of use to.
func TestTheRushBeforeIsShed(t *testing.T) {
	t.Parallel()
	const every = 20 * time.Millisecond // 320 of them take over six seconds
	c := limited()
	useful, answered := 0, 0
	for end := c.at.Add(8 * time.Second); c.at.Before(end); answered++ {
		c.rush(5) // for one that is answered
		c.shed()
		c.at = c.at.Add(every)
		require.NotEmpty(t, c.line)
		if c.at.Sub(c.line[0]) <= 2*loadTarget {
			useful++
		}
		c.leave(c.line[0], nil)
		c.line = c.line[1:]
	}
	require.GreaterOrEqual(t, useful, answered*9/10)
}

// TestTheRushBeforeIsShedTogether: so it is where some are answered at a time.
func TestTheRushBeforeIsShedTogether(t *testing.T) {
	t.Parallel()
	const together, every = 4, 20 * time.Millisecond
	c := limited()
	useful, answered := 0, 0
	for end := c.at.Add(8 * time.Second); c.at.Before(end); {
		c.rush(5 * together)
		var group []time.Time
		for len(group) < together {
			require.NotEmpty(t, c.line)
			if err := c.late(c.line[0], together); err != nil {
				c.leave(c.line[0], err)
			} else {
				group = append(group, c.line[0])
			}
			c.line = c.line[1:]
		}
		c.at = c.at.Add(every)
		for _, began := range group {
			if answered++; c.at.Sub(began) <= 2*loadTarget {
				useful++
			}
			c.leave(began, nil)
		}
	}
	require.GreaterOrEqual(t, useful, answered*9/10)
}

// TestTogetherWhoIsLetInIsToldWhenItIsTooLate, and leaves as all do.
func TestTogetherWhoIsLetInIsToldWhenItIsTooLate(t *testing.T) {
	t.Parallel()
	c := limited()
	c.crowd(t, 5000, loadTarget/50, 20*loadTarget)
	c.leave(c.line[0], nil) // and there is room for one
	before, ended := c.underWay, c.ended
	err := c.Together(func(late func(int) error) error {
		require.Equal(t, before+1, c.underWay)
		c.over = c.at.Add(-limitGrace) // as in a rush
		require.NoError(t, late(1))
		require.Error(t, late(1000), "of so many at a time, all are late")
		c.at = c.at.Add(loadMost)
		return late(1)
	})
	require.ErrorAs(t, err, new(*OverloadError))
	require.Equal(t, before, c.underWay)
	require.Equal(t, ended, c.ended, "it was not answered")
	c.rush(1000) // and it is full
	require.ErrorAs(t, c.Together(func(func(int) error) error {
		t.Error("who is not let in has nothing to ask")
		return nil
	}), new(*OverloadError))
}

// TestATurnComesTooLate where the answer would: what a question has waited for a processor
// is taken from the time that it has.
func TestATurnComesTooLate(t *testing.T) {
	t.Parallel()
	c := limited()
	const every = loadTarget / 50
	for _, c.delay = range []time.Duration{0, loadTarget / 5} {
		c.crowd(t, 5000, every, 20*loadTarget)
		c.over = c.at.Add(-limitGrace)     // as in a rush
		left := loadMost - c.delay - every // with the answer itself
		require.NoError(t, c.late(c.at.Add(-left), 1), c.delay)
		require.ErrorAs(t, c.late(c.at.Add(-left-every), 1), new(*OverloadError), c.delay)
	}
}
