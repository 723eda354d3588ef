package cache

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/internal/wire"
)

// Of a build with two shards, each with notices of its own.
func TestWhatNoticesOfTwoShardsDoToAnAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		heard    []wire.Notice
		want     string
		position uint64
	}{
		"one moves, and not the row":         {[]wire.Notice{{Shard: 1, From: 10, To: 20, Keys: []string{"v/2"}}}, "old", 10},
		"one moves, with the row":            {[]wire.Notice{{Shard: 1, From: 10, To: 20, Keys: []string{"v/1"}}}, "new", 10},
		"one moves, with a group of the row": {[]wire.Notice{{Shard: 1, From: 10, To: 20, Groups: []string{"v/group"}}}, "new", 10},
		"one moves too much to list":         {[]wire.Notice{{Shard: 1, From: 10, To: 20, All: true}}, "new", 10},
		"one has a hole":                     {[]wire.Notice{{Shard: 1, From: 12, To: 20}}, "new", 10},
		"both move, and not the row": {[]wire.Notice{
			{Shard: 1, From: 10, To: 20, Keys: []string{"v/2"}}, {Shard: 0, From: 10, To: 15, Keys: []string{"v/3"}},
		}, "old", 15},
		"each goes on in its own chain": {[]wire.Notice{
			{Shard: 1, From: 10, To: 12}, {Shard: 0, From: 10, To: 20}, {Shard: 1, From: 12, To: 20},
		}, "old", 20},
		"a new owner of one": {[]wire.Notice{{Shard: 1, Epoch: 2, From: 10, To: 12}, {Shard: 0, From: 10, To: 11}}, "old", 11},
		"an owner of one that was superseded": {[]wire.Notice{
			{Shard: 1, Epoch: 2, From: 10, To: 12}, {Shard: 1, From: 10, To: 19, Keys: []string{"v/1"}}, {Shard: 0, From: 10, To: 19},
		}, "old", 12},
		"one fell back": {[]wire.Notice{{Shard: 1, Epoch: 2, From: 8, To: 8}}, "new", 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, now := newFloored(t), time.Now() // of all that is heard: no shard is silent, however slow this is
			both := []checkpoint{{View: "v", Version: 1, Build: 1, State: wire.ViewLive, Position: 10, Epoch: 1}}
			f.p.take(f.p.view("v"), append(both, both[0]), now)
			for shard := range 2 {
				f.p.hear(wire.Notice{View: "v", Version: 1, Build: 1, Shard: shard, Epoch: 1, From: 10, To: 10, Saved: 10}, now)
			}
			_, err := f.c.Do(t.Context(), question("old", 10, 10))
			require.NoError(t, err)
			for _, n := range c.heard {
				n.View, n.Version, n.Build, n.Epoch, n.Saved = "v", 1, 1, max(n.Epoch, 1), n.From
				f.p.hear(n, now)
			}
			a, err := f.c.Do(t.Context(), question("new", 10, 10))
			require.NoError(t, err)
			require.Equal(t, c.want, string(a.Body))
			require.Equal(t, c.position, a.Position)
		})
	}
}

// A replica shows what one shard has saved as well as what the other has, whose checkpoint
// trails over events of no concern: the lower of the two does not tell that a change of
// the other has not arrived.
func TestOneShardsTrailingCheckpointHidesNotThatAnotherLags(t *testing.T) {
	t.Parallel()
	f, now := newFloored(t), time.Now() // of all that is heard: no shard is silent, however slow this is
	both := []checkpoint{{View: "v", Version: 1, Build: 1, State: wire.ViewLive, Position: 10, Epoch: 1}}
	f.p.take(f.p.view("v"), append(both, both[0]), now)
	tell := func(n wire.Notice) {
		n.View, n.Version, n.Build, n.Epoch, n.From, n.To = "v", 1, 1, 1, 10, 20
		f.p.hear(n, now)
	}
	tell(wire.Notice{Shard: 0, Saved: 20, Keys: []string{"v/1"}})
	tell(wire.Notice{Shard: 1, Saved: 10})
	require.EqualValues(t, 20, f.p.Applied("v"))
	read := func(text string, least uint64, shards ...uint64) (Answer, error) {
		q := question(text, shards...)
		q.MinPosition = least
		return f.c.Do(t.Context(), q)
	}
	_, err := read("old", 20, 10, 10)
	require.ErrorIs(t, err, ErrBehind)
	a, err := read("old", 0, 10, 10)
	require.NoError(t, err)
	require.Equal(t, "old 10", string(a.Body)+" "+strconv.FormatUint(a.Position, 10))
	for range 2 {
		a, err = read("new", 20, 20, 10) // which the checkpoint that trails does not keep from being current
		require.NoError(t, err)
		require.Equal(t, "new 20", string(a.Body)+" "+strconv.FormatUint(a.Position, 10))
	}
	_, err = read("none other", 20, 10, 10)
	require.NoError(t, err, "it is kept")
}
