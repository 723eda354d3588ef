package projector

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sical-backend/projections"
)

// Wherever the units are, sharing out comes to rest with everything owned by who
// can fold it, and nobody two ahead of another who could take over.
func TestSharingComesToRest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var peers []peer
		for i := range rapid.IntRange(1, 5).Draw(t, "peers") {
			peers = append(peers, peer{owner: fmt.Sprint("p", i), knows: []string{"v/1"}})
			if rapid.Bool().Draw(t, "newer") {
				peers[i].knows = append(peers[i].knows, "v/2")
			}
		}
		var units []held
		for i := range rapid.IntRange(0, 20).Draw(t, "units") {
			u := held{Unit: Unit{projections.Build{View: "v", Version: 1, Number: 1}, i}}
			if rapid.Bool().Draw(t, "held") {
				u.owner = peers[rapid.IntRange(0, len(peers)-1).Draw(t, "owner")].owner
			}
			units = append(units, u)
		}
		turn := func() (changed bool) {
			at := map[Unit]int{}
			for i, u := range units {
				at[u.Unit] = i
			}
			after := append([]held(nil), units...)
			for _, p := range peers {
				take, give := share(p.owner, append([]peer(nil), peers...), append([]held(nil), units...))
				for _, u := range take {
					require.Empty(t, after[at[u]].owner, "taken twice")
					after[at[u]].owner, changed = p.owner, true
				}
				for _, u := range give {
					after[at[u]].owner, changed = "", true
				}
			}
			units = after
			return changed
		}
		for turns := 0; ; turns++ {
			if !turn() {
				break
			}
			require.Less(t, turns, 50, "units go to and fro for ever")
		}
		load := map[string]int{}
		for _, u := range units {
			require.NotEmpty(t, u.owner)
			load[u.owner]++
		}
		for _, p := range peers {
			for _, o := range peers {
				require.LessOrEqual(t, load[p.owner]-load[o.owner], 1)
			}
		}
	})
}
