package projections

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// A row's shard may never change: these were computed with hash/fnv.
func TestShardsAreForEver(t *testing.T) {
	t.Parallel()
	one := uuid.MustParse("019345a2-7c00-7000-8000-00000000002a")
	two := uuid.MustParse("019345a2-7c00-7000-8000-0000000000ff")
	for n, want := range map[int][3]int{1: {0, 0, 0}, 2: {1, 0, 0}, 3: {1, 0, 1}, 16: {9, 0, 2}} {
		require.Equal(t, want, [3]int{KeyOf(one).Shard(n), KeyOf(two).Shard(n), Key{one, two}.Shard(n)}, "%d shards", n)
	}
}

func TestShardsAreEvenlyFilled(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 3, 8, 16} {
		filled := make([]int, n)
		const keys = 16_000
		for i := range keys {
			id := uuid.NewSHA1(uuid.Nil, []byte{byte(i), byte(i >> 8)})
			filled[Key{A: id, B: one(i)}.Shard(n)]++
		}
		for shard, got := range filled {
			require.InEpsilon(t, keys/n, got, 0.15, "shard %d of %d", shard, n)
		}
	}
}

// one is a second half of a key for every other i.
func one(i int) (id uuid.UUID) {
	if i%2 == 0 {
		id[15] = 1
	}
	return id
}
