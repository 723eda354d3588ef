package api

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// quick is a client that reads faster than it is ever sent anything.
const quick = math.MaxInt

// changed has the client's source be at another position, and says so.
func (c *client) changed(r *replica, applied, shown uint64) {
	r.set(applied, shown)
	c.hub.Changed(nil, true)
}

// told is what the client was sent since the last time, up to this moment.
func (c *client) told() (all []string) {
	synctest.Wait()
	for len(c.heard) > 0 {
		all = append(all, <-c.heard)
	}
	return all
}

// Of what is of the whole system the first change is told at once, and all that follow within
// a second together, at its end.
func TestWholeViewsAreToldOnceASecond(t *testing.T) {
	t.Parallel()
	for _, view := range views(unkeyed) {
		synctest.Test(t, func(t *testing.T) {
			r := &replica{applied: 1, shown: 1}
			c := newClient(t, view, r, quick)
			require.Equal(t, []string{"1"}, c.told())
			time.Sleep(Usual.Apart)
			c.changed(r, 2, 2)
			require.Equal(t, []string{"2"}, c.told(), "at once")
			for n := range uint64(100) {
				c.changed(r, 3+n, 3+n)
				time.Sleep(Usual.Apart / 200)
			}
			require.Empty(t, c.told())
			time.Sleep(Usual.Apart / 2)
			require.Equal(t, []string{"102"}, c.told(), "the newest alone")
			time.Sleep(time.Minute)
			require.Empty(t, c.told())

			c.changed(r, 103, 103)
			require.Equal(t, []string{"103"}, c.told(), "at once again")
			c.changed(r, 104, 103) // which it has: the replica lacks what was changed
			time.Sleep(Usual.Apart)
			synctest.Wait()
			require.NoError(t, r.wasAsked())
			r.set(104, 104)
			time.Sleep(2 * Usual.Again)
			require.Equal(t, []string{"104"}, c.told(), "nothing is lost")
		})
	}
}

// A change that leaves the answer as it is costs no more than another.
func TestWholeViewsAreAskedForOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &replica{applied: 1, shown: 1}
		c := newClient(t, "statistics", r, quick)
		require.Equal(t, []string{"1"}, c.told())
		r.set(1, 1)
		for range 100 {
			c.hub.Changed(nil, true)
			time.Sleep(Usual.Apart / 10)
		}
		require.Empty(t, c.told())
		require.LessOrEqual(t, r.timesAsked(), 11)
	})
}

// What has a key is told at once, and the end of the process to everybody.
func TestOneThingIsToldAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &replica{applied: 1, shown: 1}
		c := newClient(t, "goal", r, quick)
		require.Equal(t, []string{"1"}, c.told())
		for _, n := range []uint64{2, 3, 4} {
			c.changed(r, n, n)
			require.Len(t, c.told(), 1)
		}
		whole := newClient(t, "statistics", r, quick)
		require.Equal(t, []string{"4"}, whole.told())
		whole.hub.Close()
		_, goesOn := <-whole.heard
		require.False(t, goesOn)
	})
}

// Nor does it come sooner where a replica lags, which is asked again without another change.
func TestWholeViewsOfALaggingReplicaAreToldOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const applied = 100
		r := &replica{applied: applied, shown: 1}
		c := newClient(t, "statistics", r, quick)
		require.Equal(t, "1", <-c.heard)
		for shown := range uint64(30) {
			r.set(applied, 2+shown)
			last := time.Now()
			require.NotEmpty(t, <-c.heard)
			require.GreaterOrEqual(t, time.Since(last), Usual.Apart)
		}
	})
}

// Nor as a day begins.
func TestWholeViewsAreToldOnceASecondAtMidnight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // which begins at one
		r := &replica{applied: 1, shown: 1}
		c := newClient(t, "statistics", r, quick)
		require.Equal(t, []string{"1"}, c.told())
		time.Sleep(24*time.Hour - Usual.Apart/2)
		c.changed(r, 2, 2)
		require.Equal(t, []string{"2"}, c.told())
		time.Sleep(Usual.Apart - time.Millisecond)
		require.Empty(t, c.told())
		require.Equal(t, 1, r.timesAsked())
		time.Sleep(Usual.Check)
		require.Empty(t, c.told())
		require.Equal(t, 2, r.timesAsked(), "of the day")
	})
}
