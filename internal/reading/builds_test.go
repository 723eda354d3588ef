package reading

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"sical-backend/projections"
)

// What was read twice is as old as its oldest part, shard by shard; of two builds there is no older
// one, nor of two numbers of shards.
func TestBothAreTheOlderOfEachShard(t *testing.T) {
	t.Parallel()
	at := func(build int, shards ...uint64) projections.Checkpoint {
		return projections.Checkpoint{Build: projections.Build{View: "v", Version: 1, Number: build}, Shards: shards}
	}
	one, other := []projections.Checkpoint{at(1, 5, 9), at(2, 4), at(3)}, []projections.Checkpoint{at(1, 7, 8), at(2, 4), at(3)}
	both, ok := Both(one, other)
	require.True(t, ok)
	require.Equal(t, []projections.Checkpoint{at(1, 5, 8), at(2, 4), at(3)}, both)
	require.Equal(t, []uint64{5, 9}, one[0].Shards, "and what they were is left as it was")
	for _, other := range []projections.Checkpoint{at(2, 5, 9), at(1, 5), at(1)} {
		_, ok := Both(one[:1], []projections.Checkpoint{other})
		require.False(t, ok)
	}
}

// The highest version that this program reads is the one it reads, in whatever order the
// server tells of all that some program reads, and of their shards.
func TestTheHighestVersionThatCanBeReadIsServed(t *testing.T) {
	t.Parallel()
	views := []*projections.View{
		{Name: "several", Reads: 2, Version: 3}, {Name: "older", Reads: 2, Version: 3}, {Name: "foreign", Reads: 2, Version: 3},
		{Name: "idle", Reads: 1, Version: 1}, {Name: "none", Reads: 1, Version: 1},
	}
	rows := []struct {
		n     int
		stand []int64
	}{
		{1, []int64{1, 9, 0, 10}}, {1, []int64{2, 8, 0, 20}}, {1, []int64{2, 8, 1, 21}},
		{1, []int64{3, 7, 0, 30}}, {1, []int64{3, 7, 1, 31}}, {1, []int64{3, 7, 2, 32}}, {1, []int64{4, 1, 0, 40}},
		{2, []int64{2, 5, 0, 50}},
		{3, []int64{1, 5, 0, 50}}, {3, []int64{4, 5, 0, 50}},
		{4, []int64{1, 6, -1, 0}},
	}
	for range 200 {
		rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		s := newServed(views)
		for _, r := range rows {
			s.add(r.n, r.stand)
		}
		require.Equal(t, []projections.Checkpoint{
			{Build: projections.Build{View: "several", Version: 3, Number: 7}, Shards: []uint64{30, 31, 32}},
			{Build: projections.Build{View: "older", Version: 2, Number: 5}, Shards: []uint64{50}},
			{Build: projections.Build{View: "foreign"}},
			{Build: projections.Build{View: "idle", Version: 1, Number: 6}},
			{Build: projections.Build{View: "none"}},
		}, s.checkpoints)
		assumed := map[string]projections.Build{}
		for _, c := range s.checkpoints {
			assumed[c.Build.View] = c.Build
		}
		require.NoError(t, s.mustBe(assumed))
		assumed["older"] = projections.Build{View: "older", Version: 2, Number: 4}
		require.ErrorIs(t, s.mustBe(assumed), ErrOtherBuild)
	}
}
