package cache

import "sical-backend/projections"

// baseline is what was known of a view before a load.
type baseline struct {
	view    *view
	build   projections.Build
	applied uint64
	saved   []uint64 // of each shard
}

// baseline is what is known of the view just now.
func (v *view) baseline() baseline {
	return baseline{view: v, build: *v.build.Load(), applied: v.applied.Load(), saved: *v.saved.Load()}
}

// fell tells whether a shard of the build is behind what it is known to have saved before.
// Comparing only the lowest position of all shards would miss that: a shard that trails
// over events of no concern could hide that another has lost rows.
func (b baseline) fell(c projections.Checkpoint) bool {
	if c.Build != b.build {
		return false
	}
	if len(c.Shards) != len(b.saved) {
		return true // another number of shards: nothing can be compared
	}
	for i, saved := range b.saved {
		if c.Shards[i] < saved {
			return true
		}
	}
	return false
}

// stands is the position of a view that was read at the checkpoint. That may be lower than
// the position known to be applied, where no event in between concerns the view: then the
// applied position counts. Where the database fell back, or the build is not the one known,
// only the checkpoint counts.
func (b baseline) stands(c projections.Checkpoint) uint64 {
	if c.Build != b.build || b.fell(c) {
		return c.Position()
	}
	return max(c.Position(), b.applied)
}

// stands is the position of an answer read at the checkpoints, the least of its views'.
func stands(checkpoints []projections.Checkpoint, before []baseline) uint64 {
	least := ^uint64(0)
	for i, c := range checkpoints {
		least = min(least, before[i].stands(c))
	}
	return least
}

// fallen tells whether one of the checkpoints is lower than what had been saved before.
func fallen(checkpoints []projections.Checkpoint, before []baseline) bool {
	for i, c := range checkpoints {
		if before[i].fell(c) {
			return true
		}
	}
	return false
}

func sameBuilds(checkpoints []projections.Checkpoint, before []baseline) bool {
	for i, c := range checkpoints {
		if c.Build != before[i].build {
			return false
		}
	}
	return true
}
